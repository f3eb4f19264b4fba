"""`make nix-check`: every check of the Nix files that needs no NixOS, no binary cache and no network.

A check that cannot run here says `skipped: reason`; their count is printed last. Ends with 1 if a check failed, or with
`--may-skip NAME …` if one was skipped that is not named.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import boot
import image
import machines
import pins
import sources
import units
import whole
from common import ROOT, Failed, Skipped

Check = tuple[str, Callable[[], str]]

CHECKS: list[Check] = [
    ("files parse", sources.check_parse),
    ("files are formatted", sources.check_format),
    ("no dead bindings", sources.check_dead_bindings),
    ("flake.lock agrees with flake.nix", pins.check_flake_lock),
    ("hashes are those of vendor.lock", pins.check_wheels),
    ("hardening equals dist/systemd", units.check_hardening_equals_units),
    ("systemd-analyze verify", units.check_systemd_verify),
    ("systemd-analyze security", units.check_systemd_security),
    ("units alike with and without NixOS", machines.check_units_alike),
    ("unit texts of the modules", machines.check_golden),
    ("docs/nix.md promises what bad settings say", machines.check_promised_messages),
    ("the program takes the settings", machines.check_settings),
    ("docs/nixos-options.md is current", machines.check_options),
    ("flake outputs", machines.check_outputs),
    ("appliance recipe", image.check_recipe),
]
BOOT_CHECKS: list[Check] = [("appliance boots", boot.check_boot)]
WHOLE_CHECKS: list[Check] = [
    ("unit texts on NixOS", whole.check_units),
    ("bad settings fail on NixOS", whole.check_messages),
    ("nix flake check --no-build", whole.check_flake),
]


def perform(checks: list[Check], may_skip: list[str] | None = None) -> bool:
    """Runs all checks, prints what became of each, and tells whether none failed, or was skipped that must not be."""
    if unknown := set(may_skip or ()) - {name for name, _ in checks}:
        raise SystemExit(f"there is no check of the name {', '.join(sorted(unknown))}")
    failed, skipped = [], []
    for name, check in checks:
        start = time.monotonic()
        try:
            said = check()
        except (Failed, FileNotFoundError) as error:
            said = f"FAILED: {error}"
            failed.append(name)
        except Skipped as reason:
            said = f"skipped: {reason}"
            skipped.append(name)
        print(f"{name} ({time.monotonic() - start:.1f} s): {said}", flush=True)
    print(f"nix-check: {len(checks) - len(failed) - len(skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
    missed = [name for name in skipped if may_skip is not None and name not in may_skip]
    if missed:
        print(f"nix-check: these must not be skipped here: {', '.join(missed)}")
    return not failed and not missed


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boot", action="store_true", help="start the appliance's disk, and nothing else")
    parser.add_argument("--with-nixpkgs", action="store_true", help="also what wants a whole nixpkgs, NIXPKGS")
    parser.add_argument("--may-skip", nargs="*", metavar="NAME", help="checks that may be skipped; others then fail")
    parser.add_argument("--write", action="store_true", help="write what is generated instead of comparing it")
    arguments = parser.parse_args()
    if arguments.boot:
        return 0 if perform(BOOT_CHECKS) else 1
    checks = CHECKS + (WHOLE_CHECKS if arguments.with_nixpkgs else [])
    if not arguments.write:
        return 0 if perform(checks, arguments.may_skip) else 1
    for path in [*units.write_units(), *machines.write()]:
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
