"""The file system of one machine: the root tree and the program below, its own files above, in memory."""

import shutil
import subprocess
import uuid
from pathlib import Path

import services
from case import Case, Node


def mount(case: Case, node: Node, layers: list[Path], below: Path) -> Path:
    """Mounts a machine's tree below a folder and writes what is its own; the uppermost layer stands first."""
    upper, work, root = (below / node.name / part for part in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir(parents=True)
    lower = ":".join(str(layer) for layer in layers)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(root)], check=True)
    _write(root / "etc/hostname", f"{node.name}\n")
    _write(root / "etc/hosts", _hosts(case))
    _write(root / "etc/machine-id", f"{uuid.uuid4().hex}\n")
    for at, source in node.etc.items():
        _place(source, root / "etc" / at)
    services.install(root, node.services)
    return root


def _hosts(case: Case) -> str:
    return "127.0.0.1 localhost\n" + "".join(f"{node.address} {node.name}\n" for node in case.nodes)


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
