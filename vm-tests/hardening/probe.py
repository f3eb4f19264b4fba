"""Tries what a unit must not be able to do, each in a process of its own, and prints what came of it as JSON.

Run in the sandbox of a unit, and once more as root without one, which shows what each attempt is worth on this machine. The
arguments of system calls are such that even root does no harm: a call that is let through fails for another reason.
"""

import ctypes
import errno
import json
import mmap
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
REFUSED = {errno.EPERM, errno.EACCES, errno.EAFNOSUPPORT}
# What is hidden or read-only is refused too.
REFUSED_FILES = REFUSED | {errno.EROFS, errno.ENOENT, errno.ENXIO, errno.ENODEV}
# How a filter of system calls, or memory that is not to be had, ends a process.
REFUSING_SIGNALS = {signal.SIGSYS, signal.SIGSEGV}
# No attempt takes long; one that hangs is broken.
LIMIT_S = 20
# Numbers of system calls on x86-64 that Python has no function for.
CALLS = {
    "ptrace": 101,
    "syslog": 103,
    "personality": 135,
    "pivot_root": 155,
    "adjtimex": 159,
    "chroot": 161,
    "mount": 165,
    "umount2": 166,
    "swapon": 167,
    "reboot": 169,
    "sethostname": 170,
    "ioperm": 173,
    "init_module": 175,
    "delete_module": 176,
    "quotactl": 179,
    "clock_settime": 227,
    "kexec_load": 246,
    "unshare": 272,
    "perf_event_open": 298,
    "setns": 308,
    "finit_module": 313,
    "bpf": 321,
    "userfaultfd": 323,
}
NEW_USER, NEW_MOUNT, NEW_NETWORK = 0x10000000, 0x00020000, 0x40000000
# SCHED_FIFO
REAL_TIME = 1
# PTRACE_SEIZE, which stops nobody.
SEIZE = 0x4206
FORBIDDEN_FOLDERS = [
    "/etc",
    "/usr",
    "/root",
    "/home",
    "/boot",
    "/var/lib",
    "/var/log",
    "/run",
    "/proc/sys/kernel",
    "/sys/kernel",
]
SECRETS = [
    "/etc/shadow",
    "/etc/kinitro/hotkey",
    "/etc/kinitro/api-key",
    "/tmp/of-the-host",
    "/root/secret",
    "/proc/1/environ",
]
DEVICES = ["/dev/kmsg", "/dev/mem", "/dev/kvm", "/dev/net/tun", "/dev/fuse"]


def call(name: str, *arguments: int | bytes | None) -> Callable[[], None]:
    """A system call as an attempt."""

    def attempt() -> None:
        if LIBC.syscall(CALLS[name], *arguments) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return attempt


def create(folder: str) -> Callable[[], None]:
    """Makes a file in a folder and takes it away again."""

    def attempt() -> None:
        path = Path(folder) / "of-the-probe"
        path.write_text("")
        path.unlink()

    return attempt


def opens(path: str, flags: int = os.O_RDONLY) -> Callable[[], None]:
    """Opens a file or a device and reads a byte of what can be read."""

    def attempt() -> None:
        os.read(os.open(path, flags | os.O_NONBLOCK), 1)

    return attempt


def sees_others() -> None:
    """Looks for the service manager and processes of other users."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            owner = os.stat(f"/proc/{entry}").st_uid
        except FileNotFoundError:
            # It has just ended.
            continue
        if entry == "1" or owner != os.getuid():
            return
    raise PermissionError(errno.EPERM, "sees its own processes only")


def has_capabilities() -> None:
    """Looks for any capability that it has or could get back."""
    status = dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":\t" in line)
    if all(int(status[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")):
        raise PermissionError(errno.EPERM, "has none")


def can_gain_privileges() -> None:
    """Looks whether a set-user-id program would make it somebody else."""
    if "NoNewPrivs:\t1" in Path("/proc/self/status").read_text():
        raise PermissionError(errno.EPERM, "no new privileges")


def set_user_id_file() -> None:
    """Makes a file that runs as its owner, where it may write at all."""
    path = Path(os.environ.get("STATE_DIRECTORY", "/tmp").split(":")[0]) / "set-user-id"
    path.write_text("")
    try:
        path.chmod(0o4700)
    finally:
        path.unlink()


def code_made_at_run_time() -> None:
    """Maps memory that is writable and executable."""
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def attempts() -> dict[str, Callable[[], object]]:
    """Everything that is tried but for files, by a name for it."""
    return {
        "see other processes": sees_others,
        "have capabilities": has_capabilities,
        "gain privileges": can_gain_privileges,
        "make a set-user-id file": set_user_id_file,
        "make code at run time": code_made_at_run_time,
        "become root": lambda: os.setresuid(0, 0, 0),
        "join a group": lambda: os.setgroups([0]),
        "signal the service manager": lambda: os.kill(1, 0),
        "run in real time": lambda: os.sched_setscheduler(0, REAL_TIME, os.sched_param(1)),
        "raise its own priority": lambda: os.setpriority(os.PRIO_PROCESS, 0, -5),
        "send raw IP": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        "send raw frames": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "speak netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "take a privileged port": lambda: socket.socket().bind(("127.0.0.1", 81)),
        "load a module": call("init_module", None, 0, b""),
        "load a module from a file": call("finit_module", -1, b"", 0),
        "remove a module": call("delete_module", b"of-the-probe", 0),
        "load a kernel": call("kexec_load", 0, 99, None, 0),
        "load a program into the kernel": call("bpf", 0, None, 0),
        "measure the kernel": call("perf_event_open", None, 0, 0, -1, 0),
        "restart the machine": call("reboot", 0, 0, 0),
        "set the clock": call("clock_settime", 0, None),
        "bend the clock": call("adjtimex", None),
        "rename the machine": call("sethostname", b"probe", -1),
        "read the kernel's log": call("syslog", 10, None, 0),
        "mount": call("mount", None, None, None, 0, None),
        "unmount": call("umount2", b"/of-the-probe", 0),
        "swap roots": call("pivot_root", b"/", b"/of-the-probe"),
        "change its root": call("chroot", b"/"),
        "add swap": call("swapon", b"", 0),
        "set quotas": call("quotactl", -1, None, 0, None),
        "reach I/O ports": call("ioperm", 0, 1, 1),
        "make users": call("unshare", NEW_USER),
        "make file systems": call("unshare", NEW_MOUNT),
        "make networks": call("unshare", NEW_NETWORK),
        "enter a namespace": call("setns", -1, 0),
        # The 32-bit execution domain.
        "change its personality": call("personality", 0x0008),
        "trace the service manager": call("ptrace", SEIZE, 1, None, None),
        "handle page faults": call("userfaultfd", 0),
    }


def files() -> dict[str, Callable[[], object]]:
    """The same for files and devices."""
    tried: dict[str, Callable[[], object]] = {f"write in {folder}": create(folder) for folder in FORBIDDEN_FOLDERS}
    tried |= {f"read {path}": opens(path) for path in SECRETS}
    tried |= {f"open {path}": opens(path, os.O_RDWR) for path in DEVICES}
    return tried


def allowed() -> dict[str, Callable[[], object]]:
    """What a unit needs; a sandbox in which these fail would prove nothing."""

    def listen() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=5).close()

    able: dict[str, Callable[[], object]] = {"listen and connect": listen, "write in /tmp": create("/tmp")}
    for folder in filter(None, os.environ.get("STATE_DIRECTORY", "").split(":")):
        able[f"write in {folder}"] = create(folder)
    credentials = os.environ.get("CREDENTIALS_DIRECTORY")
    for name in os.listdir(credentials) if credentials else []:
        able[f"read the credential {name}"] = opens(f"{credentials}/{name}")
    return able


def outcome(attempt: Callable[[], object], refusals: set[int]) -> str:
    """What came of an attempt, which is made in a process of its own.

    `went through`; `refused: …`; `went through: …` where a call was let through and failed for a reason that is no refusal;
    `broken: …` where the attempt itself went wrong and shows nothing.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT_S)
        try:
            attempt()
            said = "went through"
        except OSError as error:
            verdict = "refused" if error.errno in refusals else "went through" if error.errno else "broken"
            said = f"{verdict}: {error.strerror or error}"
        except BaseException as error:
            said = f"broken: {type(error).__name__}: {error}"
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 4096).decode()
    os.close(reader)
    _, status = os.waitpid(child, 0)
    if said:
        return said
    verdict = "refused" if os.WIFSIGNALED(status) and os.WTERMSIG(status) in REFUSING_SIGNALS else "broken"
    return f"{verdict}: ended with {os.waitstatus_to_exitcode(status)}"


def outcomes(attempts: dict[str, Callable[[], object]], refusals: set[int]) -> dict[str, str]:
    """What came of each attempt."""
    return {name: outcome(attempt, refusals) for name, attempt in attempts.items()}


if __name__ == "__main__":
    found = {
        "forbidden": outcomes(attempts(), REFUSED) | outcomes(files(), REFUSED_FILES),
        "allowed": outcomes(allowed(), REFUSED_FILES),
    }
    json.dump(found, sys.stdout)
