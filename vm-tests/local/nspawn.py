"""Machines as containers of systemd-nspawn: real units, sandboxes, users and networks on this machine's kernel."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from case import Node
from errors import RequestedAssertionFailed
from machine import PATIENCE_S, Machine
from network import cable, ip
from processes import children, reap

# From the start until systemd answers.
BOOT_S = 60
# Longest reading of a journal.
JOURNAL_S = 10
ENVIRONMENT = [
    "env",
    "--ignore-environment",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
]


class Container(Machine):
    """A container whose tree is mounted at `root` and whose processes are in `groups` and below."""

    # Every container's nspawn that runs.
    _all: ClassVar[set[int]] = set()

    def __init__(self, node: Node, root: Path, groups: list[Path]) -> None:
        super().__init__(node)
        self.root = root
        self.console = root.parent / "console.log"
        self._groups = [group / node.name for group in groups]
        self._nspawn: subprocess.Popen[bytes] | None = None
        # The container's first process, known once its systemd has answered.
        self.leader: int | None = None

    def start(self) -> None:
        if self.is_up():
            return
        self.log("booting")
        for group in self._groups:
            group.mkdir(exist_ok=True)
        # Each machine needs control groups of its own: its systemd takes the one that it finds itself in for all there is.
        enter = "".join(f"echo 0 > '{group}/cgroup.procs'; " for group in self._groups)
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no"]
        command += ["--resolv-conf=off", "--timezone=off", "--console=pipe"]
        command += [f"--directory={self.root}", f"--machine={self.name}", f"--network-namespace-path=/run/netns/{self.name}"]
        with open(self.console, "ab") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", f'set -e; {enter}exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        self._all.add(self._nspawn.pid)
        self.leader = None

    def is_up(self) -> bool:
        return self._nspawn is not None and self._nspawn.poll() is None

    def run(self, command: str, timeout: int | None) -> tuple[int, str]:
        limit = ["timeout", str(timeout)] if timeout is not None else []
        return self._enter([*limit, "bash", "-c", command], self._booted())

    def crash(self) -> None:
        if self._nspawn is None or not self.is_up():
            return
        self.log("crash")
        # Before there is a first process within, nspawn itself is all there is.
        with suppress(ProcessLookupError):
            os.kill(self.leader or _init(self._nspawn.pid) or self._nspawn.pid, signal.SIGKILL)
        self.wait_for_shutdown()

    def wait_for_shutdown(self) -> None:
        if self._nspawn is None:
            return
        deadline = time.monotonic() + PATIENCE_S
        while self._nspawn.poll() is None:
            if time.monotonic() > deadline:
                raise RequestedAssertionFailed(f"{self.name} is not off after {PATIENCE_S} s")
            # A container is not off before the last of its processes is taken leave of, and those that a command left behind
            # when it was cut off have become ours: this driver is the first process of its namespace.
            reap(self._all)
            time.sleep(0.02)
        self._all.discard(self._nspawn.pid)
        self._nspawn = self.leader = None

    def journal(self, lines: int) -> str:
        folder = self.root / "var/log/journal"
        command = ["journalctl", "--no-pager", "--quiet", f"--lines={lines}", f"--directory={folder}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=JOURNAL_S)
        except subprocess.TimeoutExpired:
            return f"journalctl did not end within {JOURNAL_S} s"
        return done.stdout or done.stderr

    def link(self, state: str) -> None:
        ip("link", "set", cable(self.node), state)

    def _booted(self) -> int:
        """The first process of the container, once its systemd answers."""
        if self.leader is not None:
            return self.leader
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline and self.is_up():
            assert self._nspawn is not None
            leader = _init(self._nspawn.pid)
            if leader is not None:
                _, state = self._enter(["systemctl", "is-system-running"], leader)
                if state.strip() in ("starting", "running", "degraded"):
                    self.leader = leader
                    return leader
            time.sleep(0.05)
        console = self.console.read_text(errors="replace")[-2000:].strip()
        raise RequestedAssertionFailed(f"{self.name} did not boot: {console or 'it said nothing'}")

    def _enter(self, command: list[str], leader: int) -> tuple[int, str]:
        inside = ["nsenter", f"--target={leader}", "--all", *ENVIRONMENT, *command]
        done = subprocess.run(inside, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.errors = done.stderr.decode(errors="replace")
        return done.returncode, done.stdout.decode(errors="replace")


def _init(nspawn: int) -> int | None:
    """The one process that nspawn started, if it has come as far as to be systemd."""
    return next((child.pid for child in children(nspawn) if child.name == "systemd"), None)
