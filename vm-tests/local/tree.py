"""The root tree that every machine starts from: a small Debian, made once and kept by its recipe."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from errors import SetupError, Skipped
from log import step

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CACHE = REPOSITORY / "target" / "vm-tests"
# What the machines of vm-tests/lib/node.nix have too: scripts use curl and Python.
PACKAGES = ["systemd-sysv", "dbus", "iproute2", "ca-certificates", "curl", "python3"]
FOR_QEMU = ["linux-image-cloud-amd64", "initramfs-tools", "zstd"]
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]
UNWANTED = ["systemd-networkd-wait-online.service", "systemd-resolved.service", "systemd-logind.service", "getty.target"]
# Where the build's machine is not Debian; its C library must not be newer than this one's.
SUITE_ELSEWHERE = "trixie"


def suite() -> str:
    """Debian's release for the machines: VM_TESTS_SUITE, else this machine's own."""
    if chosen := os.environ.get("VM_TESTS_SUITE"):
        return chosen
    try:
        pairs = (line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
        release = {key: value.strip('"') for key, value in pairs}
    except OSError:
        return SUITE_ELSEWHERE
    return release.get("VERSION_CODENAME", SUITE_ELSEWHERE) if release.get("ID") == "debian" else SUITE_ELSEWHERE


def provide(qemu: bool) -> Path:
    """The tree of this recipe, made if it is not there.

    Raises:
        Skipped: it could not be made.
    """
    recipe: dict[str, Any] = {
        "suite": suite(),
        "packages": PACKAGES + (FOR_QEMU if qemu else []),
        "left_out": LEFT_OUT,
        "mirror": os.environ.get("VM_TESTS_MIRROR", ""),
    }
    key = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
    tree = CACHE / f"tree-{recipe['suite']}{'-qemu' if qemu else ''}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "tree.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.is_dir():
            with step(f"making the root tree of Debian {recipe['suite']} (about two minutes; kept in {CACHE})"):
                _make(tree, recipe)
    return tree


def _make(tree: Path, recipe: dict[str, Any]) -> None:
    partial = tree.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mmdebstrap", "--variant=essential", "--mode=root", f"--include={','.join(recipe['packages'])}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in recipe["left_out"]]
    command += [recipe["suite"], str(partial)]
    if recipe["mirror"]:
        command.append(recipe["mirror"])
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise Skipped(f"mmdebstrap could not make the root tree (status {done.returncode}, its lines are above)")
    _finish(partial)
    partial.rename(tree)


def _finish(tree: Path) -> None:
    """Takes out what would differ from machine to machine or wait for hardware."""
    (tree / "etc/machine-id").write_text("")
    (tree / "etc/resolv.conf").unlink(missing_ok=True)
    (tree / "etc/fstab").write_text("")
    # Journals outlive a crash of the machine.
    (tree / "var/log/journal").mkdir(exist_ok=True)
    for unit in UNWANTED:
        mask = tree / "etc/systemd/system" / unit
        mask.unlink(missing_ok=True)
        mask.symlink_to("/dev/null")


def holds_program(tree: Path, program: Path) -> None:
    """Checks that the tree's C library is new enough for the program.

    Raises:
        SetupError: it is not, or the program does not run for another reason.
    """
    together = 'mount -t overlay -o lowerdir="$1:$2" overlay /mnt && chroot /mnt kinitro --version'
    command = ["unshare", "--mount", "sh", "-c", together, "sh", str(program), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(
            f"the program does not run on Debian {suite()}: {done.stderr.strip()}\n"
            "if its C library is too old, name a newer release: VM_TESTS_SUITE=trixie"
        )
