"""Machines as virtual machines of QEMU, emulated: a kernel of their own, without any help of this machine's."""

import base64
import shlex
import socket
import subprocess
from pathlib import Path

from case import Node
from errors import RequestedAssertionFailed, SetupError
from machine import PATIENCE_S, Machine
from network import cable, ip

BOOT_S = 240
# An answer may come as much later than the limit of its command.
LATE_S = 60
MEMORY_MB = 2048
# Room on the disk for what a machine writes.
ROOM_MB = 1024
# /dev/kvm may be there and still not boot a stock kernel, so that nothing but emulation is asked for. `max` has AVX.
HARDWARE = ["-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB), "-nodefaults", "-display", "none"]
SHELL_UNIT = """\
[Unit]
Description=Shell of the test's driver
BindsTo=dev-hvc0.device
After=dev-hvc0.device
[Service]
Environment=HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=/bin/sh -c 'exec </dev/hvc0 >/dev/hvc0; stty raw -echo; echo ready; exec bash --noprofile --norc'
KillSignal=SIGHUP
[Install]
WantedBy=multi-user.target
"""
NETWORK_UNIT = """\
[Unit]
Description=Network of the test's machines
DefaultDependencies=no
BindsTo=sys-subsystem-net-devices-eth0.device
After=sys-subsystem-net-devices-eth0.device
Before=network.target network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link set eth0 up
ExecStart=ip address add {address}/24 dev eth0
"""


class VirtualMachine(Machine):
    """A virtual machine whose files were laid out in a tree; they are copied to a disk before its first start."""

    def __init__(self, node: Node, tree: Path) -> None:
        super().__init__(node)
        self._boot = (_newest(tree / "boot", "vmlinuz-*"), _newest(tree / "boot", "initrd.img-*"))
        self._disk = _make_disk(node, tree)
        self._console = tree.parent / "console.log"
        self._socket = tree.parent / "shell"
        self._qemu: subprocess.Popen[bytes] | None = None
        self._server: socket.socket | None = None
        self._shell: socket.socket | None = None
        # What came after the newest line.
        self._said = b""
        # Whether an answer is awaited; nothing else can be asked then.
        self._is_busy = False

    def start(self) -> None:
        if self.is_up():
            return
        self.log("booting")
        kernel, initrd = self._boot
        # What the machine says before it is listened to waits in the connection.
        self._socket.unlink(missing_ok=True)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self._socket))
        self._server.listen(1)
        command = ["qemu-system-x86_64", "-no-user-config", *HARDWARE, "-no-reboot"]
        command += ["-kernel", str(kernel), "-initrd", str(initrd)]
        command += ["-append", "root=/dev/vda rw console=ttyS0 net.ifnames=0 systemd.log_color=no systemd.show_status=no"]
        command += ["-drive", f"file={self._disk},format=raw,if=virtio,cache=unsafe", "-device", "virtio-rng-pci"]
        command += ["-netdev", f"tap,id=net,ifname={cable(self.node)},script=no,downscript=no"]
        command += ["-device", f"virtio-net-pci,netdev=net,mac={_mac(self.node)}"]
        command += ["-chardev", f"socket,id=shell,path={self._socket}"]
        command += ["-device", "virtio-serial", "-device", "virtconsole,chardev=shell", "-serial", f"file:{self._console}"]
        self._qemu = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def is_up(self) -> bool:
        return self._qemu is not None and self._qemu.poll() is None

    def run(self, command: str, timeout: int | None) -> tuple[int, str]:
        limit = f"timeout {timeout} " if timeout is not None else ""
        self._is_busy = False
        shell = self._connected()
        self._is_busy = True
        line = f'{limit}bash -c {shlex.quote(command)} </dev/null 2>/run/errors | base64 -w 0; echo " ${{PIPESTATUS[0]}}"\n'
        shell.settimeout(None if timeout is None else timeout + LATE_S)
        try:
            shell.sendall(f"{line}base64 -w 0 /run/errors; echo\n".encode())
            output, _, status = self._line(shell).rpartition(" ")
            self.errors = _decoded(self._line(shell))
        except TimeoutError as error:
            raise RequestedAssertionFailed(f"{self.name} does not answer any more") from error
        self._is_busy = False
        return int(status), _decoded(output)

    def crash(self) -> None:
        if self._qemu is None:
            return
        self.log("crash")
        self._qemu.kill()
        self.wait_for_shutdown()

    def shutdown(self) -> None:
        if not self.is_up():
            return
        with self.nested("shutting down"):
            # Its answer may not come any more.
            self._connected().sendall(b"systemctl --no-block poweroff\n")
            self.wait_for_shutdown()

    def wait_for_shutdown(self) -> None:
        if self._qemu is not None:
            try:
                self._qemu.wait(PATIENCE_S)
            except subprocess.TimeoutExpired as error:
                raise RequestedAssertionFailed(f"{self.name} is not off after {PATIENCE_S} s") from error
        for opened in (self._shell, self._server):
            if opened is not None:
                opened.close()
        self._qemu = self._shell = self._server = None
        self._said = b""

    def journal(self, lines: int) -> str:
        if self._shell is not None and self.is_up() and not self._is_busy:
            return self.run(f"journalctl --no-pager --quiet --lines={lines}", 30)[1]
        text = self._console.read_text(errors="replace") if self._console.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def link(self, state: str) -> None:
        ip("link", "set", cable(self.node), state)

    def _connected(self) -> socket.socket:
        """The shell, once the machine has booted as far as that."""
        if self._shell is not None:
            return self._shell
        assert self._server is not None
        try:
            self._server.settimeout(BOOT_S)
            shell, _ = self._server.accept()
            shell.settimeout(BOOT_S)
            while self._line(shell) != "ready":
                continue
        except OSError as error:
            raise RequestedAssertionFailed(f"{self.name} did not boot within {BOOT_S} s: {error}") from error
        self._shell = shell
        return shell

    def _line(self, shell: socket.socket) -> str:
        """What the machine says up to the end of a line."""
        while b"\n" not in self._said:
            part = shell.recv(65536)
            if not part:
                raise RequestedAssertionFailed(f"{self.name} went off before it answered")
            self._said += part
        line, _, self._said = self._said.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")


def prepare(node: Node, tree: Path) -> Path:
    """Adds to a machine's tree what a virtual machine needs beyond a container."""
    units = tree / "etc/systemd/system"
    _unit(units, "of-the-driver-shell.service", SHELL_UNIT, "multi-user.target")
    _unit(units, "of-the-driver-network.service", NETWORK_UNIT.format(address=node.address), "sysinit.target")
    return tree


def _unit(units: Path, name: str, text: str, target: str) -> None:
    wants = units / f"{target}.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (units / name).write_text(text)
    (wants / name).symlink_to(f"../{name}")


def _make_disk(node: Node, tree: Path) -> Path:
    disk = tree.parent / "disk"
    used = subprocess.run(["du", "--summarize", "--block-size=1M", str(tree)], check=True, capture_output=True, text=True)
    size = int(used.stdout.split()[0]) * 5 // 4 + ROOM_MB
    command = ["mke2fs", "-q", "-t", "ext4", "-d", str(tree), "-E", "root_owner=0:0", "-L", node.name, str(disk), f"{size}M"]
    subprocess.run(command, check=True)
    return disk


def _newest(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if not found:
        raise SetupError(f"{folder} has no {pattern}")
    return found[-1]


def _mac(node: Node) -> str:
    return f"52:54:00:12:01:{int(node.address.rpartition('.')[2]):02x}"


def _decoded(text: str) -> str:
    return base64.b64decode(text).decode(errors="replace")
