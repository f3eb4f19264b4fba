"""The root tree that every machine starts from: a small Debian, made once and kept by its recipe."""

import fcntl
import hashlib
import json
import os
import re
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
# mmdebstrap mounts /proc, /sys and devices in the tree, which nobody else may see, and which end with us however we end.
ISOLATION = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child"]
# Without a network the tree is given up soon, and with a slow one in the end.
IMPATIENT = ['Acquire::Retries "1"', 'Acquire::http::Timeout "20"', 'Acquire::https::Timeout "20"']
LIMIT_S = 600


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
    with open(CACHE / f"{tree.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not tree.is_dir():
            with step(f"making the root tree of Debian {recipe['suite']} (about two minutes; kept in {CACHE})"):
                _make(tree, recipe)
    return tree


def _make(tree: Path, recipe: dict[str, Any]) -> None:
    partial = tree.with_suffix(".partial")
    remove(partial)
    command = [*ISOLATION, "mmdebstrap", "--variant=essential", "--mode=root", f"--include={','.join(recipe['packages'])}"]
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in recipe["left_out"]]
    command += [f"--aptopt={option}" for option in IMPATIENT]
    command += [recipe["suite"], str(partial)]
    if recipe["mirror"]:
        command.append(recipe["mirror"])
    try:
        status = subprocess.run(command, check=False, timeout=LIMIT_S).returncode
    except subprocess.TimeoutExpired as error:
        remove(partial)
        raise Skipped(f"mmdebstrap did not make the root tree within {LIMIT_S} s") from error
    if status != 0:
        remove(partial)
        raise Skipped(f"mmdebstrap could not make the root tree (status {status}, its lines are above)")
    _finish(partial)
    partial.rename(tree)


def remove(folder: Path) -> None:
    """Removes a folder if it is there, but nothing that is mounted in it.

    Raises:
        SetupError: something is mounted in it.
    """
    if mounted := _mounted_in(folder):
        raise SetupError(f"{folder} has mounts, which are not to be removed with it: umount --recursive {mounted[0]}")
    # What is mounted after all in this moment is another file system.
    subprocess.run(["rm", "--recursive", "--force", "--one-file-system", "--", str(folder)], check=False)


def _mounted_in(folder: Path) -> list[str]:
    """Where something is mounted at a folder or below."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    # Blanks and the like are octal numbers there.
    points = (re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4]) for line in lines)
    return [point for point in points if Path(point).is_relative_to(folder)]


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
