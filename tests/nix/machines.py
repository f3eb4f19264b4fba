"""The modules and the flake, evaluated with nixpkgs' `lib`: unit texts, settings, assertions, outputs, options."""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from common import ROOT, Failed, Skipped, evaluate
from units import ROLES, SHIPPED

GOLDEN = ROOT / "tests/nix/golden"
PROMISES = ROOT / "docs/nix.md"
OPTIONS = ROOT / "docs/nixos-options.md"
FETCHED_LIB = ROOT / "target/nix-tools/nixpkgs-lib"
# What a unit for a machine without Nix has otherwise: paths. `named` has what is alike in them.
OWN_KEYS = {"ExecStart", "Environment", "LoadCredential", "LoadCredentialEncrypted", "AssertPathExists"}
# A program that Nix built finds its assets beside itself.
SHIPPED_ALONE = {"variable KINITRO_ASSETS"}
# A secret that few have; docs/operators.md says how a unit gets it.
NIXOS_ALONE = {"secret bearer"}
# What a shipped unit needs besides to have the secrets of its machine in cases.nix.
DROP_INS = {"kinitro.service": "hotkey.conf", "kinitro-scheduler.service": "hotkey.conf"}
# Which machine of cases.nix has the unit.
MACHINES = {
    "kinitro.service": "operator",
    "kinitro-backup.service": "operator",
    "kinitro-backup.timer": "operator",
    "kinitro-api.service": "split",
    "kinitro-scheduler.service": "split",
    "kinitro-executor.service": "executor",
    "kinitro-validator.service": "validator",
}
# The other inputs of the flake, by the variables that may name folders of them.
INPUTS = {"crane": "CRANE", "treefmt-nix": "TREEFMT_NIX"}
SYSTEM = "x86_64-linux"
# Names that docs/nix.md promises; checks may be more.
OUTPUTS = {
    "packages": {"default", "kinitro", "kinitro-gl", "mujoco", "assets", "image", "appliance"},
    "apps": {"default", "demo", "verify", "miner"},
    "devShells": {"default"},
}
CHECKS = {"clippy", "docs", "fmt", "formatting", "nextest", "package-kinitro", "package-appliance"}
HOSTS = {"operator", "executor-gpu", "validator", "appliance"}


@functools.cache
def nixpkgs_lib() -> Path:
    """nixpkgs' `lib`: NIXPKGS_LIB, or the one of a whole nixpkgs, NIXPKGS, or what `scripts/nix-tools` fetched."""
    named = os.environ.get("NIXPKGS_LIB") or (os.environ.get("NIXPKGS", "") and f"{os.environ['NIXPKGS']}/lib")
    if not named and FETCHED_LIB.exists():
        named = FETCHED_LIB.read_text().strip()
    if not named:
        raise Skipped("nixpkgs' lib cannot be fetched, and neither NIXPKGS_LIB nor NIXPKGS names one")
    if not (Path(named) / "modules.nix").is_file():
        raise Failed(f"{named} is not the lib folder of nixpkgs: it has no modules.nix")
    return Path(named).resolve()


def flake_inputs() -> dict[str, Path]:
    """Inputs of the flake that are given as folders: CRANE, TREEFMT_NIX."""
    named = {name: os.environ.get(variable) for name, variable in INPUTS.items()}
    inputs = {name: Path(folder).resolve() for name, folder in named.items() if folder}
    if inputs and not evaluate("builtins ? readFileType"):
        raise Skipped("this Nix has no builtins.readFileType, which these inputs use: take 2.14 or newer")
    return inputs


@functools.cache
def evaluated(attribute: str) -> Any:
    """One attribute of evaluate.nix."""
    inputs = [f"{name} = {path};" for name, path in flake_inputs().items()]
    arguments = " ".join([f"lib = import {nixpkgs_lib()};", *inputs])
    return evaluate(f"(import {ROOT}/tests/nix/evaluate.nix {{ {arguments} }}).{attribute}")


def golden_files() -> dict[Path, str]:
    """Of each good machine its units and settings, of each bad one what its assertion says."""
    files = {}
    for name, machine in evaluated("machines").items():
        failed = machine["failed"]
        if len(failed) != int(name.startswith("bad-")):
            raise Failed(f"{name} fails with {len(failed)} messages: {' '.join(failed)}")
        if failed:
            files[GOLDEN / name / "message.txt"] = failed[0]
            continue
        for unit, text in machine["units"].items():
            files[GOLDEN / name / unit] = text.rstrip("\n") + "\n"
        files[GOLDEN / name / "settings.json"] = json.dumps(machine["settings"], indent=2, sort_keys=True) + "\n"
    return files


def check_golden() -> str:
    """What the modules make of every machine of cases.nix is what is committed."""
    expected = golden_files()
    present = {path for path in GOLDEN.rglob("*") if path.is_file()}
    for path in sorted(present ^ set(expected)):
        raise Failed(
            f"{path.relative_to(ROOT)} is one file too many or too few: run `make nix-write` and look at the diff"
        )
    for path, text in expected.items():
        if path.read_text() != text:
            raise Failed(f"{path.relative_to(ROOT)} differs: run `make nix-write` and look at the diff")
    return f"{len(expected)} files of {len(evaluated('machines'))} machines"


def words(text: str) -> str:
    """Text without line breaks and indentation."""
    return " ".join(text.split())


def check_promised_messages() -> str:
    """docs/nix.md has the message of every bad machine, word for word."""
    promised = words(PROMISES.read_text())
    messages = sorted(GOLDEN.glob("bad-*/message.txt"))
    for path in messages:
        if words(path.read_text()) not in promised:
            raise Failed(f"docs/nix.md lacks the message of {path.parent.name}: {words(path.read_text())}")
    return f"{len(messages)} messages"


def assignments(text: str) -> dict[str, list[str]]:
    """What a unit sets, by section and key, without what only this machine has."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line
        key, assigned, value = line.partition("=")
        if assigned and not line.startswith("#") and key not in OWN_KEYS:
            found.setdefault(f"{section}{key}", []).append(value)
    return found


def values(text: str, *keys: str) -> list[str]:
    """What a unit sets these keys to."""
    found = (line.partition("=") for line in text.splitlines())
    return [value for key, _, value in found if key in keys]


def named(text: str) -> set[str]:
    """What a unit starts the program with, apart from where things are: arguments, variables, secrets."""
    commands = {re.sub(r"^\S+/kinitro ", "command ", value) for value in values(text, "ExecStart")}
    variables = {f"variable {value.partition('=')[0]}" for value in values(text, "Environment")}
    loaded = [value.partition(":") for value in values(text, "LoadCredential", "LoadCredentialEncrypted")]
    if sorted(path for _, _, path in loaded) != sorted(values(text, "AssertPathExists")):
        raise Failed(f"a unit does not look whether its secrets are there before it starts:\n{text}")
    return commands | variables | {f"secret {name}" for name, _, _ in loaded}


def shipped_text(unit: str) -> str:
    """A unit of dist/systemd, with the drop-in that makes it the one of its machine."""
    drop_in = [(SHIPPED / "drop-ins" / DROP_INS[unit]).read_text()] if unit in DROP_INS else []
    return "\n".join([(SHIPPED / unit).read_text(), *drop_in])


def check_units_alike() -> str:
    """A machine with NixOS and one without run the same units but for paths."""
    for unit, name in MACHINES.items():
        on_nixos, without = golden_text(name, unit), shipped_text(unit)
        ours, shipped = assignments(on_nixos), assignments(without)
        differing = sorted(key for key in ours.keys() | shipped.keys() if ours.get(key) != shipped.get(key))
        if differing:
            key = differing[0]
            raise Failed(f"{unit}: {key} is {ours.get(key)} on NixOS and {shipped.get(key)} in dist/systemd")
        if alone := (named(on_nixos) - NIXOS_ALONE) ^ (named(without) - SHIPPED_ALONE):
            raise Failed(f"{unit}: only one of NixOS and dist/systemd has: {', '.join(sorted(alone))}")
    if missing := sorted(set(ROLES) - set(MACHINES)):
        raise Failed(f"{missing[0]} has no machine in cases.nix")
    return f"{len(MACHINES)} units"


def golden_text(machine: str, unit: str) -> str:
    """A committed unit text."""
    return (GOLDEN / machine / unit).read_text()


def check_outputs() -> str:
    """The flake has the outputs that docs/nix.md names, and each of them evaluates."""
    outputs = evaluated("outputs")
    for kind, names in OUTPUTS.items():
        if set(outputs[kind][SYSTEM]) != names:
            raise Failed(f"the flake has the {kind} {sorted(outputs[kind][SYSTEM])}, not {sorted(names)}")
    if missing := CHECKS - set(outputs["checks"][SYSTEM]):
        raise Failed(f"the flake lacks the checks {sorted(missing)}")
    cases = {f"vm-{path.stem}" for path in (ROOT / "vm-tests").glob("*.nix") if path.stem != "default"}
    if missing := cases - set(outputs["checks"][SYSTEM]):
        raise Failed(f"the flake lacks the checks {sorted(missing)}")
    machines = outputs["nixosConfigurations"]
    if set(machines) != HOSTS:
        raise Failed(f"the flake has the machines {sorted(machines)}, not {sorted(HOSTS)}")
    for name, machine in machines.items():
        if machine["failed"]:
            raise Failed(f"the machine {name} fails: {machine['failed'][0]}")
    if bare := sorted(name for name, units in evaluated("alone").items() if not units):
        raise Failed(f"the module {bare[0]} by itself starts nothing")
    if (profiles := evaluated("testProfiles")) != ["dev", "dev"]:
        raise Failed(f"tests and their dependencies are built in the profiles {profiles}, and cargo test takes dev")
    checks = len(outputs["checks"][SYSTEM])
    on = f"on nixpkgs' lib and stand-ins for all but {', '.join(flake_inputs()) or 'that'}"
    return f"{len(outputs)} kinds, {checks} checks, {len(machines)} machines, {on}"


def toml(value: Any) -> str:
    """A value as TOML; tables are inline, so that any nesting is one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def program() -> str:
    """A kinitro that was built before: KINITRO_BIN, or one of this tree."""
    places = [os.environ.get("KINITRO_BIN"), ROOT / "target/release/kinitro", ROOT / "target/debug/kinitro"]
    for place in filter(None, places):
        if found := shutil.which(str(place)):
            return found
    raise Skipped("there is no kinitro: run `make build`, or name one by KINITRO_BIN")


def check_settings() -> str:
    """The program takes the settings of every good machine, as it is asked when a system is built."""
    kinitro = program()
    files = [
        (path, file) for path in sorted(GOLDEN.glob("*/settings.json")) for file in json.loads(path.read_text()).items()
    ]
    for path, (name, settings) in files:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as written:
            written.writelines(f"{key} = {toml(value)}\n" for key, value in settings.items())
            written.flush()
            command = [kinitro, "check-config", "--config", written.name]
            answer = subprocess.run(command, capture_output=True, text=True, env={})
        if answer.returncode != 0:
            raise Failed(f"{path.parent.name}, {name}: {answer.stderr.strip()}")
    return f"{len(files)} files"


def shown(value: str) -> str:
    """A default or example as code."""
    lines = value.strip("\n").splitlines()
    if len(lines) == 1:
        return f" `{lines[0]}`"
    return "\n\n```nix\n" + "\n".join(lines) + "\n```"


def prose(text: str) -> str:
    """A description as Markdown, in lines of at most 120 characters."""
    plain = re.sub(r"\{(?:manpage|option)\}`([^`]*)`", r"`\1`", text)
    lines = [""]
    for word in plain.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > 120:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return "\n".join(lines)


def options_page() -> str:
    """docs/nixos-options.md."""
    page = [
        "# Options of the NixOS modules",
        "Written by `make nix-write` from `nixos-modules/`; [nix.md](nix.md) says how to use them.",
    ]
    for option in sorted(evaluated("options"), key=lambda option: option["name"]):
        page += [f"## `{option['name']}`", prose(option["description"]), f"Type: {option['type']}."]
        page += [f"Default:{shown(option['default'])}"] if option["default"] is not None else ["No default."]
        page += [f"Example:{shown(option['example'])}"] if option["example"] is not None else []
    return "\n\n".join(page) + "\n"


def check_options() -> str:
    """docs/nixos-options.md is what the modules say now."""
    if OPTIONS.read_text() != options_page():
        raise Failed("docs/nixos-options.md is not current: run `make nix-write`")
    return f"{len(evaluated('options'))} options"


def write() -> list[Path]:
    """Writes golden files and the page of the options; what changed."""
    expected = {**golden_files(), OPTIONS: options_page()}
    changed = [path for path, text in expected.items() if not path.exists() or path.read_text() != text]
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(expected[path])
    stale = [path for path in GOLDEN.rglob("*") if path.is_file() and path not in expected]
    for path in stale:
        path.unlink()
    return changed + stale
