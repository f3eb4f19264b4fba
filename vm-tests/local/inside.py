"""Plays one case; runs as the first process of namespaces of its own, in which everything it makes vanishes with it.

The outer driver starts it (see stage.py). Exit status: 0 the script ended well, 1 it did not.
"""

import argparse
import os
import signal
import subprocess
import sys
import traceback
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import case as cases
import network
import root
from case import Case, Node
from errors import RequestedAssertionFailed
from log import block, say, step
from machine import Machine, retry
from nspawn import Container
from qemu import VirtualMachine, prepare
from stage import END_S

RUN = Path("/run/machines")
JOURNAL_LINES = 100


class Assertions(unittest.TestCase):
    """The `t` of test scripts: unittest's assertions."""

    failureException = RequestedAssertionFailed


def main() -> int:
    """Plays the case of the command line."""
    arguments = _arguments()
    signal.signal(signal.SIGALRM, _too_long)
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _stopped)
    case = cases.load(arguments.case) if arguments.case else _bare()
    machines: list[Machine] = []
    is_good = False
    try:
        signal.alarm(arguments.timeout)
        _own_file_systems()
        machines += _machines(case, arguments)
        exec(compile(case.script, str(case.path), "exec"), _symbols(machines))
        signal.alarm(0)
        is_good = True
    except BaseException as error:
        # A person who pressed Ctrl-C has seen enough; who was told to end, by CI perhaps, has not.
        if error.args != (signal.SIGINT,):
            _at_the_end(END_S, _show_journals, machines)
        _at_the_end(END_S, _explain, error, case)
        if arguments.keep and not isinstance(error, KeyboardInterrupt):
            _at_the_end(None, _keep, case, machines)
    _at_the_end(END_S, _switch_off, machines)
    return 0 if is_good else 1


def _at_the_end(limit: int | None, do: Callable[..., None], *arguments: Any) -> None:
    """Does what follows a case, for so many seconds, and whatever comes of it: the case's result stands."""
    try:
        signal.alarm(limit or 0)
        do(*arguments)
    except BaseException as error:
        say(f"after the case: {type(error).__name__}: {error}")
    finally:
        signal.alarm(0)


def _switch_off(machines: list[Machine]) -> None:
    for machine in machines:
        if machine.is_up():
            machine.crash()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", default="")
    parser.add_argument("--layers", required=True)
    parser.add_argument("--groups", default="")
    parser.add_argument("--timeout", type=int, required=True)
    parser.add_argument("--qemu", action="store_true")
    parser.add_argument("--keep", action="store_true")
    return parser.parse_args()


def _bare() -> Case:
    """A machine without anything: whether it boots tells whether cases can run here at all."""
    script = 'machine.succeed("systemctl is-system-running --wait || true")'
    return Case("boot", [Node("machine", f"{cases.SUBNET}.1")], script, Path("boot"))


def _own_file_systems() -> None:
    """Hides /run, so that names of containers and networks are ours alone; machines' files are in memory too."""
    for folder, options in (("/run", "mode=755"), ("/tmp", "mode=1777")):
        if not Path(__file__).is_relative_to(folder):
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    RUN.mkdir(exist_ok=True)


def _machines(case: Case, arguments: argparse.Namespace) -> list[Machine]:
    layers = [Path(layer) for layer in arguments.layers.split(":")]
    trees = [root.mount(case, node, layers, RUN) for node in case.nodes]
    if arguments.qemu:
        network.lay_taps(case.nodes)
        return [VirtualMachine(node, prepare(node, tree)) for node, tree in zip(case.nodes, trees, strict=True)]
    network.lay(case.nodes)
    groups = [Path(group) for group in arguments.groups.split(":") if group]
    return [Container(node, tree, groups) for node, tree in zip(case.nodes, trees, strict=True)]


def _symbols(machines: list[Machine]) -> dict[str, Any]:
    """What a script finds: the names of NixOS's driver that our cases use."""

    def start_all() -> None:
        for machine in machines:
            machine.start()

    def join_all() -> None:
        for machine in machines:
            machine.wait_for_shutdown()

    @contextmanager
    def subtest(name: str) -> Iterator[None]:
        with step(f"subtest: {name}"):
            yield

    functions: list[Callable[..., Any]] = [start_all, join_all, subtest, retry]
    symbols: dict[str, Any] = {function.__name__: function for function in functions}
    symbols |= {"machines": machines, "t": Assertions(), "__name__": "__main__"}
    symbols |= {machine.name: machine for machine in machines}
    if len(machines) == 1:
        symbols["machine"] = machines[0]
    return symbols


def _show_journals(machines: list[Machine]) -> None:
    for machine in machines:
        block(f"{machine.name}: the last {JOURNAL_LINES} lines of the journal", machine.journal(JOURNAL_LINES))


def _explain(error: BaseException, case: Case) -> None:
    """Says where and why a script ended; any error is shown, whatever it is."""
    lines = case.script.splitlines()
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(case.path) and frame.lineno:
            say(f"{case.path.name}:{frame.lineno}: {lines[frame.lineno - 1].strip()}")
    if isinstance(error, KeyboardInterrupt):
        say(f"{case.name}: interrupted")
        return
    if not isinstance(error, RequestedAssertionFailed | SystemExit):
        traceback.print_exception(error)
    say(f"{case.name}: {type(error).__name__}: {error}")


def _keep(case: Case, machines: list[Machine]) -> None:
    """Lets a person look at the machines until Enter."""
    say("the machines are kept until Enter; a shell in one, as root from another terminal:")
    outside = f"$(pgrep --newest --full 'inside.py --case {case.name}')"
    for machine in machines:
        if isinstance(machine, Container) and machine.leader is not None:
            say(f"nsenter --all --target {outside} nsenter --all --target {machine.leader} bash", machine.name)
    sys.stdin.readline()


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise RequestedAssertionFailed("this took longer than its limit (of a case: --timeout)")


def _stopped(number: int, _frame: FrameType | None) -> None:
    # Once is enough: what follows is bounded.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    raise KeyboardInterrupt(signal.Signals(number))


if __name__ == "__main__":
    # Nothing of a person's terminal or settings reaches a machine.
    os.environ["SYSTEMD_COLORS"] = "0"
    sys.exit(main())
