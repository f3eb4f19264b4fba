"""Tests of the driver's own judgement, without any machine: `python3 vm-tests/local/tests.py`."""

import contextlib
import errno
import importlib.util
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import stage
import tree
from case import FOLDER
from errors import SetupError, Skipped
from processes import children, reap


def _module(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PROBE: Any = _module("probe", FOLDER / "hardening" / "probe.py")
COMMAND: Any = _module("command", FOLDER / "local" / "__main__.py")


def _raises(error: BaseException) -> Callable[[], NoReturn]:
    def attempt() -> NoReturn:
        raise error

    return attempt


class Probe(unittest.TestCase):
    """What the probe of `hardening` makes of an attempt."""

    def outcome(self, attempt: Callable[[], object]) -> str:
        said: str = PROBE.outcome(attempt, PROBE.REFUSED)
        return said

    def test_an_errno_of_refusal_and_a_signal_of_refusal_are_refused(self) -> None:
        self.assertRegex(self.outcome(_raises(PermissionError(errno.EPERM, "no"))), "^refused: ")
        self.assertRegex(self.outcome(lambda: os.kill(os.getpid(), signal.SIGSYS)), "^refused: ")
        self.assertRegex(self.outcome(lambda: os.kill(os.getpid(), signal.SIGSEGV)), "^refused: ")

    def test_what_works_and_what_fails_for_another_reason_went_through(self) -> None:
        self.assertEqual(self.outcome(lambda: None), "went through")
        self.assertRegex(self.outcome(_raises(OSError(errno.ENOSPC, "full"))), "^went through: ")

    def test_a_fault_of_the_attempt_is_broken(self) -> None:
        for attempt in (_raises(KeyError("x")), _raises(TimeoutError("late")), lambda: os._exit(0)):
            self.assertRegex(self.outcome(attempt), "^broken: ")
        self.assertRegex(self.outcome(lambda: os.kill(os.getpid(), signal.SIGKILL)), "^broken: ")


class Summary(unittest.TestCase):
    """What a run makes of its cases."""

    def run_of(self, outcomes: dict[str, bool | Exception], require: bool = False) -> tuple[int, list[str]]:
        class Played:
            def play(self, name: str) -> bool:
                outcome = outcomes[name]
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome

        with contextlib.redirect_stdout(io.StringIO()) as said:
            status: int = COMMAND._play_all(Played(), list(outcomes), require)
        return status, said.getvalue().splitlines()

    def test_a_late_skip_leaves_the_others_results(self) -> None:
        status, lines = self.run_of({"a": True, "b": Skipped("no groups"), "c": True})
        self.assertEqual(status, 0)
        self.assertEqual(lines[-3:], ["skipped: b: no groups", "2 passed, 0 failed", "skipped: 1"])
        self.assertEqual(self.run_of({"a": True, "b": Skipped("no groups")}, require=True)[0], 1)

    def test_a_late_error_is_a_failure(self) -> None:
        status, lines = self.run_of({"a": SetupError("gone"), "b": True})
        self.assertEqual((status, lines[-2:]), (1, ["1 passed, 1 failed: a", "skipped: 0"]))


class Ends(unittest.TestCase):
    """That nothing outlives its limit, and nothing is removed that is mounted."""

    def test_a_case_is_told_to_stop(self) -> None:
        tells = (
            "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit('told'))\nprint('ready', flush=True)\n"
        )
        # As in a run, what plays the case is a child of what is waited for.
        child = [sys.executable, "-c", f"{tells}time.sleep(60)"]
        parent = [sys.executable, "-c", f"import subprocess; subprocess.run({child!r}); raise SystemExit(3)"]
        with subprocess.Popen(parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
            assert running.stdout is not None
            self.assertEqual(running.stdout.readline(), b"ready\n")
            self.assertEqual(stage._stop(running), b"told\n")
        self.assertEqual(running.returncode, 3)

    def test_ended_processes_are_reaped_but_those_that_are_waited_for(self) -> None:
        pids: list[int] = []
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            pids.append(pid)
        while {child.pid for child in children(os.getpid()) if child.has_ended} < set(pids):
            time.sleep(0.01)
        reap({pids[0]})
        left = {child.pid for child in children(os.getpid())}
        self.assertIn(pids[0], left)
        self.assertNotIn(pids[1], left)
        os.waitpid(pids[0], 0)

    def test_a_folder_is_removed_unless_something_is_mounted_in_it(self) -> None:
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "tree"
            (folder / "below").mkdir(parents=True)
            tree.remove(folder)
            self.assertFalse(folder.exists())
        with self.assertRaisesRegex(SetupError, "umount --recursive /proc"):
            tree.remove(Path("/proc"))


if __name__ == "__main__":
    unittest.main()
