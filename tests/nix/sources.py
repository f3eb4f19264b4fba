"""The Nix files as text: that they parse, are formatted as RFC 166 has it, and bind nothing that nobody uses."""

from __future__ import annotations

from common import ROOT, nix_files, nix_program, run, tool


def names() -> list[str]:
    """All Nix files, from the root of the source tree."""
    return [str(path.relative_to(ROOT)) for path in nix_files()]


def check_parse() -> str:
    """Nix reads every file."""
    files = names()
    run([nix_program("nix-instantiate"), "--parse", *files])
    return f"{len(files)} files"


def check_format() -> str:
    """nixfmt would change nothing."""
    files = names()
    run([tool("nixfmt"), "--check", *files])
    return f"{len(files)} files"


def check_dead_bindings() -> str:
    """deadnix finds no binding, argument or `let` that is not used."""
    files = names()
    run([tool("deadnix"), "--fail", *files])
    return f"{len(files)} files"
