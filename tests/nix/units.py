"""The shipped units beside the hardening data of the NixOS modules, and what systemd says of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from common import ROOT, Failed, Skipped, evaluate, run

SHIPPED = ROOT / "dist/systemd"
HARDENING = ROOT / "nixos-modules/lib/hardening.nix"
GPU_DROP_IN = SHIPPED / "drop-ins/gpu.conf"
MARK = "# Hardening of the role `{role}`, from nixos-modules/lib/hardening.nix; `make nix-write` writes these lines."
ROLES = {
    "kinitro.service": "daemon",
    "kinitro-api.service": "daemon",
    "kinitro-scheduler.service": "daemon",
    "kinitro-executor.service": "executor",
    "kinitro-validator.service": "validator",
    "kinitro-backup.service": "backup",
}
# Ten times what `systemd-analyze security` may say of a unit at most, and of the GPU executor.
THRESHOLD = 15
GPU_THRESHOLD = 17
# The page that has the figures, and the systemd whose figures they are.
FIGURES = ROOT / "docs/nix.md"
FIGURES_VERSION = 252
# `systemd-analyze verify` wants programs that exist; the units name one that is installed later.
PROGRAM = "/usr/bin/kinitro"

Value = str | int | bool | list[str]
Hardening = dict[str, dict[str, Value]]


def hardening() -> Hardening:
    """The data by role."""
    data: Hardening = evaluate(f"import {HARDENING}")
    return data


def lines(key: str, value: Value) -> list[str]:
    """One assignment as a unit file has it; a list is one line for each element."""
    if isinstance(value, list):
        return [f"{key}={element}" for element in value]
    if isinstance(value, bool):
        return [f"{key}={str(value).lower()}"]
    return [f"{key}={value}"]


def block(role: str, data: Hardening) -> str:
    """All lines of a role below their mark."""
    assignments = [line for key, value in sorted(data[role].items()) for line in lines(key, value)]
    return "\n".join([MARK.format(role=role), *assignments]) + "\n"


def gpu_drop_in(data: Hardening) -> str:
    """What the GPU executor has otherwise than the executor; what adds up in systemd is emptied first."""
    text = [MARK.format(role="executorGpu")]
    for key, value in sorted(data["executorGpu"].items()):
        before = data["executor"].get(key)
        if value != before:
            text += [f"{key}="] if isinstance(before, list) else []
            text += lines(key, value)
    missing = sorted(set(data["executor"]) - set(data["executorGpu"]))
    if missing:
        raise Failed(f"a drop-in cannot take back what executorGpu lacks: {', '.join(missing)}")
    return "\n".join(text) + "\n"


def with_block(text: str, written: str) -> str:
    """A unit's text with the lines between the mark and the next empty line replaced; a new block ends [Service]."""
    start = text.find("# Hardening of the role ")
    if start >= 0:
        end = text.find("\n\n", start)
        return text[:start] + written + (text[end + 1 :] if end >= 0 else "")
    install = text.find("\n[Install]")
    return text + "\n" + written if install < 0 else text[:install] + "\n" + written + text[install:]


def expected_units() -> dict[Path, str]:
    """Every file with hardening lines, with the text that it should have."""
    data = hardening()
    files = {SHIPPED / name: block(role, data) for name, role in ROLES.items()} | {GPU_DROP_IN: gpu_drop_in(data)}
    return {path: with_block(path.read_text(), written) for path, written in files.items()}


def check_hardening_equals_units() -> str:
    """Every hardening line of a unit comes from the data, and all of the data is there."""
    data = hardening()
    for path, text in expected_units().items():
        if path.read_text() != text:
            raise Failed(f"{path.relative_to(ROOT)} differs from nixos-modules/lib/hardening.nix: run `make nix-write`")
    for name, role in ROLES.items():
        text = (SHIPPED / name).read_text()
        own = text.replace(block(role, data), "")
        keys = {line.split("=")[0] for line in own.splitlines() if "=" in line and not line.startswith("#")}
        if twice := sorted(keys & set(data[role])):
            raise Failed(f"{name} sets {', '.join(twice)} outside of the hardening lines")
    return f"{len(ROLES)} units and the GPU drop-in"


def write_units() -> list[Path]:
    """Writes the hardening lines into the shipped files; the files that changed."""
    changed = [(path, text) for path, text in expected_units().items() if path.read_text() != text]
    for path, text in changed:
        path.write_text(text)
    return [path for path, _ in changed]


def systemd_analyze() -> str:
    """The path of systemd-analyze, one that knows `security --offline`."""
    program = shutil.which("systemd-analyze")
    if program is None:
        raise Skipped("systemd-analyze is not installed (Debian: systemd)")
    if (version := version_of(program)) < 250:
        raise Skipped(f"systemd-analyze {version} has no `security --offline`; 250 or newer has")
    return program


def version_of(program: str) -> int:
    """systemd's version."""
    return int(run([program, "--version"]).split()[1])


def staged(folder: Path) -> list[Path]:
    """Copies of the units whose program exists, the GPU executor as a unit of its own."""
    stand_in = shutil.which("true") or "/bin/true"
    copies = []
    for path in sorted(SHIPPED.glob("kinitro*.*")):
        copy = folder / path.name
        copy.write_text(path.read_text().replace(PROGRAM, stand_in))
        copies.append(copy)
    gpu = folder / "kinitro-executor-gpu.service"
    gpu.write_text((folder / "kinitro-executor.service").read_text() + "\n" + GPU_DROP_IN.read_text())
    return [*copies, gpu]


def check_systemd_verify() -> str:
    """systemd reads every shipped unit without a complaint."""
    program = systemd_analyze()
    with tempfile.TemporaryDirectory() as name:
        units = staged(Path(name))
        environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{name}:", "SYSTEMD_LOG_LEVEL": "notice"}
        command = [program, "verify", "--man=no", "--recursive-errors=no", *map(str, units)]
        answer = subprocess.run(command, capture_output=True, text=True, env=environment)
        if answer.returncode != 0 or "kinitro" in answer.stderr:
            raise Failed(answer.stderr.strip())
    return f"{len(units)} units"


def exposure(program: str, unit: Path, threshold: int) -> str:
    """What `systemd-analyze security` says of a unit: "1.1"."""
    command = [program, "security", "--no-pager", "--offline=true", f"--threshold={threshold}", str(unit)]
    answer = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
    said = [line for line in answer.stdout.splitlines() if "Overall exposure level" in line]
    if not said:
        raise Failed(f"{unit.name}: {(answer.stdout + answer.stderr).strip()}")
    level = said[0].split(": ", 1)[1]
    if answer.returncode != 0:
        raise Failed(f"{unit.name}: exposure {level}; at most {threshold / 10} is allowed\n{answer.stdout}")
    return level.split()[0]


def check_systemd_security() -> str:
    """Every unit is exposed by 1.5 at most, the GPU executor by 1.7, and docs/nix.md has the figures."""
    program = systemd_analyze()
    said = []
    with tempfile.TemporaryDirectory() as name:
        for unit in staged(Path(name)):
            if unit.suffix == ".service":
                threshold = GPU_THRESHOLD if "gpu" in unit.name else THRESHOLD
                said.append(f"{unit.stem.removeprefix('kinitro-')} {exposure(program, unit, threshold)}")
    figures = ", ".join(said)
    if version_of(program) == FIGURES_VERSION and figures not in " ".join(FIGURES.read_text().split()):
        raise Failed(f"docs/nix.md does not say what systemd {FIGURES_VERSION} says: {figures}")
    return figures
