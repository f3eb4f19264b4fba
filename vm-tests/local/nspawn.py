"""Machines as containers of systemd-nspawn: real units, sandboxes, users and networks on this machine's kernel."""

import os
import signal
import subprocess
import time
from pathlib import Path

from case import Node
from errors import RequestedAssertionFailed
from machine import Machine
from network import cable, ip

# From the start until systemd answers.
BOOT_S = 60
ENVIRONMENT = [
    "env",
    "--ignore-environment",
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LANG=C.UTF-8",
]


class Container(Machine):
    """A container whose tree is mounted at `root` and whose processes are in `groups` and below."""

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
        enter = "".join(f"echo 0 > {group}/cgroup.procs; " for group in self._groups)
        command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--link-journal=no"]
        command += ["--resolv-conf=off", "--timezone=off", "--console=pipe"]
        command += [f"--directory={self.root}", f"--machine={self.name}", f"--network-namespace-path=/run/netns/{self.name}"]
        with open(self.console, "ab") as console:
            self._nspawn = subprocess.Popen(
                ["sh", "-c", f'{enter}exec "$@"', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        self.leader = None

    def is_up(self) -> bool:
        return self._nspawn is not None and self._nspawn.poll() is None

    def run(self, command: str, timeout: int | None) -> tuple[int, str]:
        limit = ["timeout", str(timeout)] if timeout is not None else []
        return self._enter([*limit, "bash", "-c", command], self._booted())

    def crash(self) -> None:
        if not self.is_up():
            return
        self.log("crash")
        os.kill(self._booted(), signal.SIGKILL)
        self.wait_for_shutdown()

    def wait_for_shutdown(self) -> None:
        if self._nspawn is not None:
            self._nspawn.wait()
        self._nspawn = self.leader = None

    def journal(self, lines: int) -> str:
        folder = self.root / "var/log/journal"
        command = ["journalctl", "--no-pager", "--quiet", f"--lines={lines}", f"--directory={folder}"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def link(self, state: str) -> None:
        ip("link", "set", cable(self.node), state)

    def _booted(self) -> int:
        """The first process of the container, once its systemd answers."""
        if self.leader is not None:
            return self.leader
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline and self.is_up():
            assert self._nspawn is not None
            leader = _child(self._nspawn.pid)
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


def _child(pid: int) -> int | None:
    """The one process that nspawn started, if it has come as far as to be systemd."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            after_name = (entry / "stat").read_text().rpartition(")")[2].split()
            is_init = (entry / "comm").read_text().strip() == "systemd"
        except OSError:
            continue
        if int(after_name[1]) == pid and is_init:
            return int(entry.name)
    return None
