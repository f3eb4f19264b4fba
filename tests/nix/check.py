"""`make nix-check`: every check of the Nix files that needs no NixOS, no binary cache and no network.

A check that cannot run here says `skipped: reason`; their count is printed last. Ends with 1 if a check failed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import units
from common import ROOT, Failed, Skipped

Check = tuple[str, Callable[[], str]]

CHECKS: list[Check] = [
    ("hardening equals dist/systemd", units.check_hardening_equals_units),
    ("systemd-analyze verify", units.check_systemd_verify),
    ("systemd-analyze security", units.check_systemd_security),
]


def perform(checks: list[Check]) -> bool:
    """Runs all checks, prints what became of each, and tells whether none failed."""
    failed, skipped = [], []
    for name, check in checks:
        start = time.monotonic()
        try:
            said = check()
        except Failed as error:
            said = f"FAILED: {error}"
            failed.append(name)
        except Skipped as reason:
            said = f"skipped: {reason}"
            skipped.append(name)
        print(f"{name} ({time.monotonic() - start:.1f} s): {said}", flush=True)
    print(f"nix-check: {len(checks) - len(failed) - len(skipped)} passed, {len(failed)} failed, {len(skipped)} skipped")
    return not failed


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write what is generated instead of comparing it")
    arguments = parser.parse_args()
    if not arguments.write:
        return 0 if perform(CHECKS) else 1
    for path in units.write_units():
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
