"""A machine as test scripts know it: the part of the interface of NixOS's test driver that our cases use."""

import base64
import io
import re
import shlex
import tarfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from case import Node
from errors import RequestedAssertionFailed
from log import block, say, step

# NixOS's driver looks once a second; machines here answer within milliseconds.
LOOK_EVERY_S = 0.2
PATIENCE_S = 900
# Most characters of a failed command's output that are shown.
MAX_SHOWN = 4000
# Longest part of a file in one command.
CHUNK = 64 * 1024


def retry(look: Callable[[bool], bool], timeout_seconds: float = PATIENCE_S) -> None:
    """Calls `look` until it says True; the last call is told that it is the last one.

    Raises:
        RequestedAssertionFailed: it never did.
    """
    began = time.monotonic()
    while time.monotonic() - began < timeout_seconds:
        if look(False):
            return
        time.sleep(LOOK_EVERY_S)
    if not look(True):
        raise RequestedAssertionFailed(f"action timed out after {time.monotonic() - began:.1f} seconds")


class Machine(ABC):
    """One machine of a case; subclasses know how it boots and how commands reach it."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.name = node.name
        # What the newest command said on standard error.
        self.errors = ""

    # What differs between a container and a virtual machine.

    @abstractmethod
    def start(self) -> None:
        """Switches it on, unless it is on; what follows waits until it can be told what to do."""

    @abstractmethod
    def is_up(self) -> bool:
        """Whether it is switched on."""

    @abstractmethod
    def crash(self) -> None:
        """Ends it from one moment to the next; what was on its disk stays."""

    @abstractmethod
    def wait_for_shutdown(self) -> None:
        """Waits until it is off."""

    @abstractmethod
    def journal(self, lines: int) -> str:
        """The newest lines of its journal, whether it is on or not."""

    @abstractmethod
    def run(self, command: str, timeout: int | None) -> tuple[int, str]:
        """Runs a command line under bash as root: exit status and standard output; `errors` has what else it said."""

    # The interface of NixOS's driver.

    def log(self, text: str) -> None:
        """Prints a line of this machine."""
        say(text, self.name)

    def nested(self, text: str) -> AbstractContextManager[None]:
        """Prints what begins."""
        return step(text, self.name)

    def execute(self, command: str, check_return: bool = True, timeout: int | None = PATIENCE_S) -> tuple[int, str]:
        """Exit status and standard output of a command, which runs under `set -euo pipefail`."""
        self.start()
        status, output = self.run(f"set -euo pipefail; {command}", timeout)
        return (status if check_return else -1, output)

    def succeed(self, *commands: str, timeout: int | None = None) -> str:
        """The output of commands, which must end well."""
        output = ""
        for command in commands:
            with self.nested(f"must succeed: {_short(command)}"):
                status, said = self.execute(command, timeout=timeout)
                if status != 0:
                    self._show(said)
                    raise RequestedAssertionFailed(f"command `{command}` failed (exit code {status})")
                output += said
        return output

    def fail(self, *commands: str, timeout: int | None = None) -> str:
        """The output of commands, which must fail."""
        output = ""
        for command in commands:
            with self.nested(f"must fail: {_short(command)}"):
                status, said = self.execute(command, timeout=timeout)
                if status == 0:
                    raise RequestedAssertionFailed(f"command `{command}` unexpectedly succeeded")
                output += said
        return output

    def wait_until_succeeds(self, command: str, timeout: int = PATIENCE_S) -> str:
        """Repeats a command until it ends well; its output then."""
        return self._wait_for(command, lambda status: status == 0, f"waiting for success: {_short(command)}", timeout)

    def wait_until_fails(self, command: str, timeout: int = PATIENCE_S) -> str:
        """Repeats a command until it fails; its output then."""
        return self._wait_for(command, lambda status: status != 0, f"waiting for failure: {_short(command)}", timeout)

    def _wait_for(self, command: str, wanted: Callable[[int], bool], what: str, timeout: int) -> str:
        output = ""

        def look(last: bool) -> bool:
            nonlocal output
            status, output = self.execute(command, timeout=timeout)
            if last and not wanted(status):
                self.log(f"the last try ended with {status}")
                self._show(output)
            return wanted(status)

        with self.nested(what):
            retry(look, timeout)
        return output

    def _show(self, output: str) -> None:
        """Prints what the newest command said."""
        block(f"{self.name}: output", (output + self.errors)[-MAX_SHOWN:])

    def systemctl(self, query: str) -> tuple[int, str]:
        """Exit status and output of `systemctl`."""
        return self.execute(f"systemctl {query}")

    def start_job(self, unit: str) -> tuple[int, str]:
        """Starts a unit."""
        return self.systemctl(f"start {unit}")

    def stop_job(self, unit: str) -> tuple[int, str]:
        """Stops a unit."""
        return self.systemctl(f"stop {unit}")

    def get_unit_info(self, unit: str) -> dict[str, str]:
        """All properties of a unit."""
        status, lines = self.systemctl(f"--no-pager show {shlex.quote(unit)}")
        if status != 0:
            raise RequestedAssertionFailed(f"systemctl show {unit} failed with exit code {status}")
        return dict(line.split("=", 1) for line in lines.splitlines() if "=" in line)

    def get_unit_property(self, unit: str, property: str) -> str:
        """One property of a unit."""
        return self.get_unit_info(unit).get(property, "")

    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        """Demands a state of a unit."""
        state = self.get_unit_property(unit, "ActiveState")
        if state != require_state:
            raise RequestedAssertionFailed(f"unit {unit} is {state} and should be {require_state}")

    def wait_for_unit(self, unit: str, timeout: int = PATIENCE_S) -> None:
        """Waits until a unit is active; a failed one, or one that nothing starts, is an error at once."""

        def look(_last: bool) -> bool:
            state = self.get_unit_property(unit, "ActiveState")
            if state == "failed":
                raise RequestedAssertionFailed(f'unit "{unit}" reached state "{state}"')
            if state == "inactive":
                jobs = self.systemctl("list-jobs --full 2>&1")[1]
                if "No jobs" in jobs and self.get_unit_property(unit, "ActiveState") == state:
                    raise RequestedAssertionFailed(f'unit "{unit}" is inactive and there are no pending jobs')
            return state == "active"

        with self.nested(f"waiting for unit {unit}"):
            retry(look, timeout)

    def wait_for_open_port(self, port: int, addr: str = "localhost", timeout: int = PATIENCE_S) -> None:
        """Waits until something listens on a TCP port."""
        self._wait_for(_connects(addr, port), lambda status: status == 0, f"waiting for TCP port {port} on {addr}", timeout)

    def wait_for_closed_port(self, port: int, addr: str = "localhost", timeout: int = PATIENCE_S) -> None:
        """Waits until nothing listens on a TCP port."""
        what = f"waiting for TCP port {port} on {addr} to be closed"
        self._wait_for(_connects(addr, port), lambda status: status != 0, what, timeout)

    def wait_for_file(self, filename: str, timeout: int = PATIENCE_S) -> None:
        """Waits until a file exists."""
        self._wait_for(f"test -e {filename}", lambda status: status == 0, f"waiting for file {filename}", timeout)

    def sleep(self, secs: int) -> None:
        """Lets time pass."""
        self.succeed(f"sleep {secs}")

    def copy_from_host(self, source: str, target: str) -> None:
        """Copies a file or a folder to the machine; all of it is root's there."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(source, arcname="it", filter=_of_root)
        text = base64.b64encode(packed.getvalue()).decode()
        passing = f"/tmp/from-host-{time.monotonic_ns()}"
        with self.nested(f"copying {source} to {target}"):
            for at in range(0, len(text), CHUNK):
                self._quietly(f"echo {text[at : at + CHUNK]} >> {passing}")
            folder, place = shlex.quote(str(Path(target).parent)), shlex.quote(target)
            self._quietly(
                f"mkdir -p {folder} {passing}.d; base64 -d {passing} | tar -xz -C {passing}.d; "
                f"if [ -d {passing}.d/it ] && [ -d {place} ]; then cp -a {passing}.d/it/. {place}; "
                f"else cp -a {passing}.d/it {place}; fi; rm -r {passing} {passing}.d"
            )

    def _quietly(self, command: str) -> None:
        status, output = self.execute(command)
        if status != 0:
            raise RequestedAssertionFailed(f"copying to the machine failed (exit code {status}): {output}")

    def shutdown(self) -> None:
        """Switches it off in order, and waits."""
        if not self.is_up():
            return
        with self.nested("shutting down"):
            self.execute("systemctl --no-block poweroff", check_return=False)
            self.wait_for_shutdown()

    def reboot(self) -> None:
        """Switches it off in order and on again."""
        self.shutdown()
        self.start()

    def block(self) -> None:
        """Takes it off the network."""
        self.log("off the network")
        self.link("down")

    def unblock(self) -> None:
        """Puts it back on the network."""
        self.log("on the network again")
        self.link("up")

    @abstractmethod
    def link(self, state: str) -> None:
        """Sets our end of its cable `up` or `down`."""


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


def _short(command: str) -> str:
    """The command in one line that fits a screen."""
    line = re.sub(r"\s+", " ", command).strip()
    return line if len(line) <= 160 else f"{line[:157]}..."


def _connects(addr: str, port: int) -> str:
    return f"timeout 5 bash -c {shlex.quote(f': < /dev/tcp/{addr}/{port}')} 2>/dev/null"
