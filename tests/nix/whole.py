"""What only a whole nixpkgs can show: `NIXPKGS=path make nix-eval`."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import Any

from common import ROOT, Failed, Skipped, evaluate, nix_program, run
from machines import GOLDEN, assignments, flake_inputs, words


def nixpkgs() -> Path:
    """A whole nixpkgs."""
    named = os.environ.get("NIXPKGS")
    if not named:
        raise Skipped("NIXPKGS does not name a nixpkgs")
    if not (Path(named) / "nixos/lib/eval-config.nix").is_file():
        raise Failed(f"{named} is no whole nixpkgs: it has no nixos/lib/eval-config.nix")
    return Path(named).resolve()


@functools.cache
def machines() -> dict[str, Any]:
    """The machines of cases.nix as NixOS evaluates them."""
    found: dict[str, Any] = evaluate(f"import {ROOT}/tests/nix/nixos.nix {{ nixpkgs = {nixpkgs()}; }}")
    return found


def check_units() -> str:
    """NixOS renders each unit with everything that its golden file has."""
    count = 0
    for name, machine in machines().items():
        for golden in sorted((GOLDEN / name).glob("kinitro*")):
            real = assignments(machine["units"][golden.name])
            for key, values in assignments(golden.read_text()).items():
                if not key.startswith("[Install]") and real.get(key) != values:
                    raise Failed(f"{name}, {golden.name}: NixOS has {key} {real.get(key)}, its golden file {values}")
            count += 1
    return f"{count} units"


def check_messages() -> str:
    """NixOS takes the good machines, and refuses the bad ones with their messages."""
    for name, machine in machines().items():
        expected = [words(path.read_text()) for path in (GOLDEN / name).glob("message.txt")]
        if (said := [words(message) for message in machine["failed"]]) != expected:
            raise Failed(f"{name}: NixOS says {said}, not {expected}")
    return f"{len(machines())} machines"


def check_flake() -> str:
    """`nix flake check` evaluates every output and builds none."""
    command = [
        nix_program("nix"),
        "--extra-experimental-features",
        "nix-command flakes",
        "flake",
        "check",
        "--no-build",
    ]
    # The other inputs are fetched.
    for name, folder in {"nixpkgs": nixpkgs(), **flake_inputs()}.items():
        command += ["--override-input", name, f"path:{folder}"]
    run([*command, "--no-write-lock-file", f"git+file://{ROOT}"])
    return "every output"
