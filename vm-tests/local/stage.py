"""Runs a case in namespaces of its own, and cleans up whatever happens."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import groups
from errors import Skipped
from log import say
from processes import children

# A case that was told to stop has this long to say so.
STOP_S = 10
# Each of what follows a case may take as long: showing journals, saying what was wrong, switching machines off.
END_S = 60
# A bare machine boots in a second.
BOOT_S = 60
# The namespaces are private in everything, and end with this process even if it is killed.
NAMESPACES = ["--mount", "--mount-proc", "--net", "--pid", "--ipc"]
ISOLATION = ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "--fork", "--kill-child"]


@dataclass
class Stage:
    """How all cases of a run are played. `layers` are the folders below each machine's own files, the uppermost first."""

    layers: list[Path]
    timeout: int
    qemu: bool = False
    keep: bool = False

    def play(self, case: str) -> bool:
        """Plays a case; whether it ended well."""
        return self._isolated(["--case", case, "--layers", ":".join(map(str, self.layers))], self.timeout, None) == 0

    def check(self) -> None:
        """Boots a machine without anything.

        Raises:
            Skipped: that is not possible here.
        """
        output = bytearray()
        if self._isolated(["--layers", str(self.layers[-1])], BOOT_S, output) != 0:
            said = output.decode(errors="replace").strip() or "no message"
            raise Skipped(f"a container with systemd does not boot here: {said[-600:]}")

    def _isolated(self, arguments: list[str], timeout: int, output: bytearray | None) -> int:
        made = [] if self.qemu else groups.make()
        try:
            # Groups as they are called now: namespaces of control groups are the machines' own.
            command = [*ISOLATION, sys.executable, str(Path(__file__).with_name("inside.py")), *arguments]
            command += ["--groups", ":".join(map(str, made)), "--timeout", str(timeout)]
            command += ["--qemu"] * self.qemu + ["--keep"] * self.keep
            # A case ends by its own limit, and by this one if it cannot.
            return _wait(command, output, None if self.keep else timeout + 3 * END_S + STOP_S)
        finally:
            _remove(made)


def _wait(command: list[str], output: bytearray | None, limit: int | None) -> int:
    """Runs to the end, to a limit in seconds, or to our own end."""
    pipe = None if output is None else subprocess.PIPE
    running = subprocess.Popen(command, stdout=pipe, stderr=None if pipe is None else subprocess.STDOUT)
    try:
        said, _ = running.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        say(f"the case has not ended after {limit} s")
        said = _stop(running)
    except BaseException:
        for again in (signal.SIGINT, signal.SIGTERM):
            signal.signal(again, signal.SIG_IGN)
        _stop(running)
        raise
    finally:
        running.kill()
        running.wait()
    if output is not None:
        output += said
    return running.returncode


def _stop(running: subprocess.Popen[bytes]) -> bytes:
    """Tells a case to stop, and gives it time to say what it was doing; what it said, where that is kept."""
    for case in children(running.pid):
        with suppress(ProcessLookupError):
            os.kill(case.pid, signal.SIGTERM)
    try:
        return running.communicate(timeout=STOP_S)[0] or b""
    except subprocess.TimeoutExpired:
        say("the case does not stop; ending it")
        return b""


def _remove(made: list[Path]) -> None:
    """Removes the run's control groups, for whose last processes the kernel takes a moment."""
    for _ in range(20):
        groups.remove(made)
        if not any(group.exists() for group in made):
            return
        time.sleep(0.05)
