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
    """Installs what is missing.

    Raises:
        Skipped: not root, or something is missing and cannot be installed.
    """
    if os.geteuid() != 0:
        raise Skipped("needs root, for containers and control groups")
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
