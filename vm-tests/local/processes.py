"""Processes by their parent, from /proc."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """A process; one that has ended is there until its parent asks for its status."""

    pid: int
    name: str
    has_ended: bool


def children(pid: int) -> list[Process]:
    """The processes whose parent is another."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # The name, in brackets, may have brackets and blanks too; state and parent follow it.
            state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
            name = (entry / "comm").read_text().strip()
        except OSError:
            # It is gone since.
            continue
        if int(parent) == pid:
            found.append(Process(int(entry.name), name, state == "Z"))
    return found


def reap(but: set[int]) -> None:
    """Takes leave of ended processes that are ours since their parent ended; `but` are those that somebody waits for."""
    for child in children(os.getpid()):
        if child.has_ended and child.pid not in but:
            with suppress(ChildProcessError):
                os.waitpid(child.pid, os.WNOHANG)
