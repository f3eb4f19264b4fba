"""What a run says: one line for each step, with the seconds since the start, and how long a long step took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

START = time.monotonic()
# A step that took longer than this says so.
LONG_S = 1.0


def say(text: str, machine: str | None = None) -> None:
    """Prints one line; `machine` names who it is about."""
    who = f"{machine}: " if machine else ""
    print(f"[{time.monotonic() - START:6.1f}] {who}{text}", flush=True)


@contextmanager
def step(text: str, machine: str | None = None) -> Iterator[None]:
    """Prints what begins, and what it took if that was long."""
    say(text, machine)
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    if took > LONG_S:
        say(f"({took:.1f} s) {text}", machine)


def block(title: str, text: str) -> None:
    """Prints many lines under a title, such as a journal."""
    sys.stdout.write(f"--- {title} ---\n{text.rstrip()}\n")
    sys.stdout.flush()
