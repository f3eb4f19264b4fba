"""What is pinned: the flake's inputs in flake.lock, and the two wheels in vendor.lock."""

from __future__ import annotations

import json
import re
from typing import Any

from common import ROOT, Failed, evaluate

SRI = re.compile(r"sha256-[A-Za-z0-9+/]{43}=")
REVISION = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")


def original(url: str) -> dict[str, str]:
    """What flake.lock remembers of an input's address, `github:OWNER/REPO[/REF]`."""
    kind, _, rest = url.partition(":")
    parts = rest.split("/")
    if kind != "github" or len(parts) not in (2, 3):
        raise Failed(f"flake.nix: {url} is not of the form github:OWNER/REPO[/REF]; teach tests/nix/pins.py its form")
    return {"type": kind, **dict(zip(("owner", "repo", "ref"), parts, strict=False))}


def check_node(name: str, wanted: dict[str, Any], node: dict[str, Any]) -> None:
    """One input of flake.nix beside its node in flake.lock."""
    asked, locked = original(wanted["url"]), node["locked"]
    if node["original"] != asked:
        raise Failed(f"flake.lock has {name} from {node['original']}, flake.nix asks for {asked}")
    if any(locked.get(key) != asked[key] for key in ("type", "owner", "repo")):
        raise Failed(f"flake.lock: what is locked of {name} is not what was asked for")
    if not (REVISION.fullmatch(locked["rev"]) and SRI.fullmatch(locked["narHash"]) and locked["lastModified"] > 0):
        raise Failed(f"flake.lock: {name} has no whole revision, SRI hash and time")
    follows = {key: value["follows"].split("/") for key, value in wanted.get("inputs", {}).items()}
    if node.get("inputs", {}) != follows:
        raise Failed(f"flake.lock: {name} has the inputs {node.get('inputs', {})}, flake.nix says {follows}")


def check_flake_lock() -> str:
    """flake.lock locks what flake.nix asks for, all of it and nothing else."""
    wanted: dict[str, Any] = evaluate(f"(import {ROOT}/flake.nix).inputs")
    lock = json.loads((ROOT / "flake.lock").read_text())
    root = lock["nodes"][lock["root"]]["inputs"]
    if lock["version"] != 7 or set(root) != set(wanted) or set(lock["nodes"]) != {lock["root"], *root.values()}:
        raise Failed(f"flake.lock has the inputs {sorted(root)}, flake.nix {sorted(wanted)}")
    for name, node in root.items():
        check_node(name, wanted[name], lock["nodes"][node])
    return f"{len(wanted)} inputs"


def vendor_lock() -> dict[str, dict[str, str]]:
    """vendor.lock as `scripts/vendor` reads it."""
    rows = [line.split() for line in (ROOT / "vendor.lock").read_text().splitlines() if line and line[0] != "#"]
    return {name: {"version": version, "file": file, "sha256": sha256} for name, version, file, sha256 in rows}


def check_wheels() -> str:
    """Nix fetches the files of vendor.lock by their hashes, and nothing else in the tree repeats a hash."""
    pins = vendor_lock()
    if evaluate(f"import {ROOT}/nix/vendor-lock.nix") != pins:
        raise Failed("nix/vendor-lock.nix reads vendor.lock otherwise than scripts/vendor")
    fetch = f"import {ROOT}/nix/fetch-wheel.nix {{ lib = {SPLIT}; fetchPypi = arguments: arguments; }}"
    for name in ("mujoco", "metaworld"):
        asked = evaluate(f'{fetch} "{name}"')
        tag = (asked["pname"], asked["version"], asked["python"], asked["abi"], asked["platform"])
        if "-".join(tag) + ".whl" != pins[name]["file"] or asked["sha256"] != pins[name]["sha256"]:
            raise Failed(f"nix/fetch-wheel.nix asks for {'-'.join(tag)}.whl, vendor.lock names {pins[name]['file']}")
    for path in [*ROOT.glob("nix/*.nix"), ROOT / "flake.nix"]:
        if found := SHA256.search(path.read_text()):
            raise Failed(f"{path.relative_to(ROOT)} has the hash {found[0][:12]}…; hashes belong into vendor.lock")
    for unit in ROOT.glob("dist/systemd/*.service"):
        if "KINITRO_ASSETS" in unit.read_text() and pins["metaworld"]["file"] not in unit.read_text():
            raise Failed(f"{unit.name} names other assets than vendor.lock")
    return f"{len(pins)} hashes"


# The three functions of nixpkgs' `lib` that fetch-wheel.nix needs, so that this check needs no nixpkgs.
SPLIT = """{
  elemAt = builtins.elemAt;
  splitString = separator: text: builtins.filter builtins.isString (builtins.split separator text);
  removeSuffix = suffix: text: builtins.substring 0 (builtins.stringLength text - builtins.stringLength suffix) text;
}"""
