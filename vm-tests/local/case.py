"""A case: the machines of `<case>.toml` and the script of `<case>.py`, which NixOS's own driver reads too."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import services
from errors import SetupError

FOLDER = Path(__file__).resolve().parent.parent
# As in NixOS's tests: machine N, in the order of names, is 192.168.1.N.
SUBNET = "192.168.1"


@dataclass
class Node:
    """One machine: its services with their settings, and files below /etc."""

    name: str
    address: str
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    etc: dict[str, Path] = field(default_factory=dict)


@dataclass
class Case:
    """A test: machines in the order of their names, and what is done with them."""

    name: str
    nodes: list[Node]
    script: str
    path: Path


def names() -> list[str]:
    """Every case there is."""
    return sorted(path.stem for path in FOLDER.glob("*.py"))


def load(name: str) -> Case:
    """Reads a case.

    Raises:
        SetupError: there is no such case, or its files are not as this driver knows them.
    """
    script, table = FOLDER / f"{name}.py", FOLDER / f"{name}.toml"
    if not script.is_file() or not table.is_file():
        raise SetupError(f"there is no case {name}; the cases are: {' '.join(names())}")
    text = script.read_text()
    if "${" in text:
        raise SetupError(f"{script.name} has ${{…}}, which is Nix and not Python")
    try:
        tables = tomllib.loads(table.read_text())
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{table.name}: {error}") from error
    nodes = [_node(table.name, node, number, tables[node]) for number, node in enumerate(sorted(tables), 1)]
    return Case(name, nodes, text, script)


def _node(file: str, name: str, number: int, table: dict[str, Any]) -> Node:
    if not re.fullmatch(r"[a-z][a-z0-9]{0,10}", name):
        raise SetupError(f"{file}: {name} is no name for a machine: a letter, then at most 10 letters or digits")
    if unknown := set(table) - {"services", "etc"}:
        raise SetupError(f"{file}: {name} has unknown keys: {', '.join(sorted(unknown))}")
    services.check(f"{file}: {name}", table.get("services", {}))
    etc = {at: FOLDER / source for at, source in table.get("etc", {}).items()}
    for source in etc.values():
        if not source.exists():
            raise SetupError(f"{file}: {name}: {source} is not there")
    return Node(name, f"{SUBNET}.{number}", table.get("services", {}), etc)
