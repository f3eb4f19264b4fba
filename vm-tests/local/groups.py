"""Control groups for a run: one below our own in every hierarchy that systemd uses."""

import os
from pathlib import Path

from errors import Skipped

PREFIX = "kinitro-vm-tests."


def make() -> list[Path]:
    """Makes the run's groups, and removes what killed runs have left.

    Raises:
        Skipped: there is no hierarchy that we may write to.
    """
    made: list[Path] = []
    for parent in _own():
        try:
            for old in parent.glob(f"{PREFIX}*"):
                if not Path("/proc", old.name.removeprefix(PREFIX)).exists():
                    remove([old])
            group = parent / f"{PREFIX}{os.getpid()}"
            group.mkdir()
        except OSError as error:
            remove(made)
            raise Skipped(f"cannot make control groups in {parent}: {error.strerror}") from error
        made.append(group)
    if not made:
        raise Skipped("found no control groups of systemd's below /sys/fs/cgroup")
    return made


def remove(groups: list[Path]) -> None:
    """Removes groups whose processes have ended, and all below."""
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError:
                # A process that is just ending holds it; the next run removes it.
                continue


def _own() -> list[Path]:
    """Our own group in the unified hierarchy, and in systemd's where hierarchies are several."""
    mounted = {}
    for line in Path("/proc/mounts").read_text().splitlines():
        _, at, kind, options, *_ = line.split()
        if kind == "cgroup2":
            mounted[""] = Path(at)
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            mounted["name=systemd"] = Path(at)
    own = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if names in mounted:
            own.append(mounted[names] / path.lstrip("/"))
    return own
