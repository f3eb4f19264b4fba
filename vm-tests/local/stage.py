"""Runs a case in namespaces of its own, and cleans up whatever happens."""

import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import groups
from errors import Skipped
from log import say

# A case that was told to stop has this long to say so.
STOP_S = 3
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
            return _wait(command, output)
        finally:
            _remove(made)


def _wait(command: list[str], output: bytearray | None) -> int:
    """Runs to the end, or to ours."""
    pipe = None if output is None else subprocess.PIPE
    running = subprocess.Popen(command, stdout=pipe, stderr=None if pipe is None else subprocess.STDOUT)
    try:
        said, _ = running.communicate()
        if output is not None:
            output += said
        return running.returncode
    except BaseException:
        # A Ctrl-C has reached the case too; it gets time to say what it was doing.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            running.wait(STOP_S)
        except subprocess.TimeoutExpired:
            say("the case does not stop; ending it")
        raise
    finally:
        running.kill()
        running.wait()


def _remove(made: list[Path]) -> None:
    """Removes the run's control groups, for whose last processes the kernel takes a moment."""
    for _ in range(20):
        groups.remove(made)
        if not any(group.exists() for group in made):
            return
        time.sleep(0.05)
