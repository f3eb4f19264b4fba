# What the units must not be able to do, tried in their own sandboxes by hardening/probe.py.
import json
from typing import Any

UNITS = {"kinitro": daemon, "kinitro-backup": daemon, "kinitro-executor": executor, "kinitro-validator": validator}
PROBE = "/etc/kinitro-probe.py"
SECRETS = ["/etc/kinitro/hotkey", "/etc/kinitro/api-key", "/root/secret", "/tmp/of-the-host"]


def in_sandbox(machine: Any, unit: str) -> dict[str, dict[str, str]]:
    """Runs the probe as a unit that has every line of `unit`, but for what it starts."""
    python = machine.succeed("readlink -f $(command -v python3)").strip()
    machine.succeed(
        f"systemctl cat {unit}.service | grep -vE '^(Condition|Exec|Type=|WatchdogSec=|Restart=)' > /run/systemd/system/probe.service",
        f"printf '[Service]\\nType=oneshot\\nExecStart={python} {PROBE}\\nStandardOutput=truncate:/run/probe.json\\n'"
        " >> /run/systemd/system/probe.service",
        "systemctl daemon-reload",
        "systemctl start probe.service",
    )
    return checked(machine.succeed("cat /run/probe.json"))


def checked(printed: str) -> dict[str, dict[str, str]]:
    """What the probe printed; an attempt that is broken is neither refused nor possible, and shows nothing."""
    found: dict[str, dict[str, str]] = json.loads(printed)
    for outcomes in found.values():
        broken = {name: said for name, said in outcomes.items() if not said.startswith(("went through", "refused: "))}
        t.assertEqual(broken, {}, "the probe itself is at fault")
    return found


def went_through(outcomes: dict[str, str]) -> dict[str, str]:
    """What the kernel let through, even if it failed later for a reason of its own."""
    return {name: said for name, said in outcomes.items() if said.startswith("went through")}


start_all()
for unit, machine in UNITS.items():
    with subtest(f"{unit}: without what it needs it does not start, nor is it tried again and again"):
        # A secret, or for a backup a database.
        machine.execute(f"systemctl start {unit}.service")
        shown = machine.succeed(f"systemctl show --property ActiveState --property NRestarts {unit}.service")
        t.assertEqual(sorted(shown.split()), ["ActiveState=inactive", "NRestarts=0"])

    with subtest(f"{unit}: secrets are there, root's alone"):
        machine.succeed(
            f"systemctl stop {unit}.service",
            "mkdir -p /etc/kinitro /root",
            f"umask 077; for file in {' '.join(SECRETS)}; do echo secret > $file; done",
        )

    with subtest(f"{unit}: what root without a sandbox can do here"):
        control = checked(machine.succeed(f"python3 {PROBE}"))
        possible = went_through(control["forbidden"])
        # A container lacks some of it from the start, a machine of its own next to nothing.
        assert len(possible) >= len(control["forbidden"]) // 2, control
        for name in sorted(set(control["forbidden"]) - set(possible)):
            machine.log(f"not shown here, for root cannot either: {name} ({control['forbidden'][name]})")

    with subtest(f"{unit}: what the unit can do"):
        found = in_sandbox(machine, unit)
        t.assertEqual(went_through(found["forbidden"]), {}, f"{unit} can do what it must not")
        # A backup talks to nobody.
        without = {"listen and connect"} if unit == "kinitro-backup" else set()
        # Unlike above, an error of any kind is a failure.
        done = {name for name, said in found["allowed"].items() if said == "went through"}
        t.assertEqual(done, set(found["allowed"]) - without, f"{unit}: {found['allowed']}")
        machine.log(f"{len(possible)} of {len(found['forbidden'])} attempts were refused that root succeeds with")
