"""What has to be on this machine, and how it gets there on Debian."""

import os
import shutil
import subprocess

import groups
from errors import Skipped
from log import step

# Program and the Debian package that has it.
ALWAYS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "journalctl": "systemd",
}
# Without a network apt-get gives up soon, and with a slow one in the end: `timeout` asks it to stop, and dpkg ends in order.
APT = ["timeout", "--kill-after=30", "300", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=60", "-o", "Acquire::Retries=1"]
APT += ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::https::Timeout=20"]
PROBE_S = 30
FOR_QEMU = {"qemu-system-x86_64": "qemu-system-x86", "mke2fs": "e2fsprogs"}


def provide(qemu: bool) -> None:
    """Tries what every run does, and installs what is missing.

    Raises:
        Skipped: not root or not allowed what root is, or something is missing and cannot be installed.
    """
    if os.geteuid() != 0:
        raise Skipped("needs root, for containers and control groups")
    # A moment here saves minutes of downloads where only the last step would fail.
    _try_namespaces()
    if not qemu:
        groups.remove(groups.make())
    _install(qemu)


def _try_namespaces() -> None:
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "tmpfs", "/run"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROBE_S)
    except FileNotFoundError as error:
        raise Skipped("needs `unshare`, of util-linux") from error
    except subprocess.TimeoutExpired as error:
        raise Skipped(f"making namespaces does not end within {PROBE_S} s") from error
    if tried.returncode != 0:
        raise Skipped(f"may not make namespaces and mounts: {tried.stderr.strip()}")


def _install(qemu: bool) -> None:
    wanted = ALWAYS | (FOR_QEMU if qemu else {})
    missing = {program: package for program, package in wanted.items() if not shutil.which(program)}
    if not missing:
        return
    packages = sorted(set(missing.values()))
    if not shutil.which("apt-get"):
        raise Skipped(f"needs {', '.join(sorted(missing))}, and there is no apt-get to install {' '.join(packages)}")
    with step(f"installing {' '.join(packages)}"):
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(
                [*APT, *command],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.DEVNULL,
                check=False,
            )
            if done.returncode != 0:
                raise Skipped(f"apt-get could not install {' '.join(packages)} (status {done.returncode})")
