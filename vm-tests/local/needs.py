"""What has to be on this machine, and how it gets there on Debian."""

import os
import shutil
import subprocess

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
FOR_QEMU = {"qemu-system-x86_64": "qemu-system-x86", "mke2fs": "e2fsprogs"}


def provide(qemu: bool) -> None:
    """Installs what is missing, and tries what every run does.

    Raises:
        Skipped: not root or not allowed what root is, or something is missing and cannot be installed.
    """
    if os.geteuid() != 0:
        raise Skipped("needs root, for containers and control groups")
    _install(qemu)
    # A moment here saves minutes where only the last step would fail.
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "mount", "-t", "tmpfs", "tmpfs", "/run"]
    tried = subprocess.run(namespaces, capture_output=True, text=True, check=False)
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
                ["apt-get", "-qq", *command],
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.DEVNULL,
                check=False,
            )
            if done.returncode != 0:
                raise Skipped(f"apt-get could not install {' '.join(packages)}")
