"""Runs the scripts of vm-tests/ on this machine: `python3 vm-tests/local basic split`; vm-tests/README.md explains it."""

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import case as cases
import needs
import program
import tree
from errors import SetupError, Skipped
from log import say, step
from stage import Stage

TIMEOUT_S = 300
# Virtual machines without the help of a hypervisor are that much slower.
QEMU_TIMES = 6


def main() -> int:
    """Plays the cases of the command line; exit status 0 when none failed."""
    arguments = _arguments()
    wanted = arguments.cases or cases.names()
    signal.signal(signal.SIGTERM, _stopped)
    try:
        for name in wanted:
            cases.load(name)
        stage = _set_up(arguments, program.find())
        return _play_all(stage, wanted, arguments.require)
    except SetupError as error:
        say(f"error: {error}")
        print("skipped: 0")
        return 2
    except Skipped as reason:
        return _summary({}, {name: str(reason) for name in wanted}, arguments.require)
    finally:
        program.take_away()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="vm-tests", description="Runs the cases of vm-tests/ on systemd-nspawn or QEMU, as root on Debian."
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"default all: {' '.join(cases.names())}")
    parser.add_argument("--qemu", action="store_true", help="virtual machines, emulated without KVM, in place of containers")
    is_required = os.environ.get("VM_TESTS_REQUIRE", "") not in ("", "0")
    requires = "exit with 1 when a case is skipped (or VM_TESTS_REQUIRE=1)"
    parser.add_argument("--require", action="store_true", default=is_required, help=requires)
    parser.add_argument("--keep", action="store_true", help="keep the machines of a case that failed until Enter")
    parser.add_argument("--timeout", type=int, metavar="SECONDS", help=f"longest time of a case (default {TIMEOUT_S})")
    return parser.parse_args()


def _set_up(arguments: argparse.Namespace, binary: Path) -> Stage:
    needs.provide(arguments.qemu)
    below = tree.provide(arguments.qemu)
    with step(f"laying out {binary}"):
        layer = program.lay_out(binary)
    timeout = arguments.timeout or TIMEOUT_S * (QEMU_TIMES if arguments.qemu else 1)
    stage = Stage([layer, below], timeout, arguments.qemu, arguments.keep)
    if not arguments.qemu:
        with step("booting a bare machine"):
            stage.check()
    tree.holds_program(below, layer)
    return stage


def _play_all(stage: Stage, wanted: list[str], require: bool) -> int:
    """Plays every case, whatever becomes of the others; the exit status."""
    played, skipped = {}, {}
    for name in wanted:
        try:
            played[name] = _play(stage, name)
        except SetupError as error:
            say(f"{name}: error: {error}")
            played[name] = False
        except Skipped as reason:
            skipped[name] = str(reason)
    return _summary(played, skipped, require)


def _play(stage: Stage, name: str) -> bool:
    with step(f"== {name}"):
        good = stage.play(name)
    say(f"{name}: {'ok' if good else 'FAILED'}")
    return good


def _summary(played: dict[str, bool], skipped: dict[str, str], require: bool) -> int:
    """Prints what became of each case, last the number of those that were skipped; the exit status."""
    failed = [name for name, good in played.items() if not good]
    for name, reason in skipped.items():
        print(f"skipped: {name}: {reason}")
    print(f"{len(played) - len(failed)} passed, {len(failed)} failed{': ' if failed else ''}{' '.join(failed)}")
    print(f"skipped: {len(skipped)}")
    return 1 if failed or (require and skipped) else 0


def _stopped(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        say("interrupted; what was made is removed")
        sys.exit(130)
