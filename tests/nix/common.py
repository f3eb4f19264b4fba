"""What the checks of the Nix files share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class Failed(Exception):
    """A check that found something; the message says what, and what to do."""


class Skipped(Exception):
    """A check that cannot run here; the message says why."""


def run(command: list[str], **environment: str) -> str:
    """Standard output of a command that must succeed."""
    answer = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment})
    if answer.returncode != 0:
        raise Failed(f"{' '.join(command[:4])} …\n{answer.stderr.strip() or answer.stdout.strip()}")
    return answer.stdout


def nix_program(name: str) -> str:
    """A program of Nix."""
    program = shutil.which(name)
    if program is None:
        raise Skipped(f"{name} is not installed (Debian: nix-bin)")
    return program


def tool(name: str) -> str:
    """A program that `scripts/nix-tools` installs."""
    program = shutil.which(name) or shutil.which(str(ROOT / "target/nix-tools/bin" / name))
    if program is None:
        raise Skipped(f"{name} is not installed: run scripts/nix-tools")
    return program


def evaluate(expression: str) -> Any:
    """The value of a Nix expression, as JSON has it. Nothing is built or written to a store."""
    with tempfile.TemporaryDirectory() as state:
        command = [nix_program("nix-instantiate"), "--readonly-mode", "--eval", "--strict", "--json", "-E", expression]
        folders = {"NIX_STATE_DIR": state, "NIX_LOG_DIR": state, "NIX_CONF_DIR": state}
        return json.loads(run(command, **folders, HOME=state))


def nix_files() -> list[Path]:
    """Every Nix file of the source tree."""
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.nix"])
    return [ROOT / line for line in listed.splitlines()]
