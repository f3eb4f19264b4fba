# An operator and two validators on a chain that they reach over the network alone: both set equal weights. What a lying server
# shows is refused, and nothing is set.
import json
from typing import Any

MINERS = {"alice": "push", "bob": "push", "carol": "zero"}
CHAIN = "kinitro dev-chain --data-dir /root/chain"
WALLETS = "/root/wallets"
API = "http://operator:8000"
MANIFEST = f"{API}/v1/cycles/1/manifest"
UNIT = "kinitro-validator.service"
NODE = "--network ws://world:9944 --genesis 0x9e2a662ce7d5ab2ae3ab7ee95ca4378385f82c7bf54cfccde70ca2f4c95bc5a9"


def weights() -> dict[str, Any]:
    """What stands on the chain, by hotkey; the chain's file is the one place that everybody's weights are in."""
    code = "SELECT hex(hotkey), uids, vals FROM weights WHERE netuid = 2 ORDER BY block"
    said = world.succeed(
        'python3 -c \'import json, sqlite3; db = sqlite3.connect("/root/chain/dev-chain.db");'
        f' print(json.dumps([list(row) for row in db.execute("{code}")]))\''
    )
    return {hotkey: (uids, values) for hotkey, uids, values in json.loads(said)}


def join(name: str, more: str = "") -> None:
    world.succeed(
        f"kinitro dev-chain write-hotkey --wallet-path {WALLETS} --wallet-name {name}",
        f"{CHAIN} register --name {name}/default {more}",
    )


def hand_over(name: str, machine: Any) -> None:
    """Gives a machine its hotkey file, as its owner would."""
    key = world.succeed(f"cat {WALLETS}/{name}/hotkeys/default").strip()
    machine.succeed(f"mkdir -p /etc/kinitro; umask 077; cat > /etc/kinitro/hotkey <<'END'\n{key}\nEND\n")


start_all()
with subtest("a chain is served"):
    world.succeed("mkdir -p /root/chain")
    world.succeed("systemd-run --quiet --unit chain " + CHAIN + " --listen 0.0.0.0:9944")
    world.wait_for_open_port(9944)
    # The first one is the subnet's owner, whose word validators believe.
    join("operator", "--validator")
    for name in ("validator1", "validator2"):
        join(name, "--validator")

with subtest("miners serve policies and claim them through the node"):
    for port, (name, policy) in enumerate(MINERS.items(), 9001):
        join(name)
        hotkey = world.succeed(f"{CHAIN} hotkey --name {name}/default").strip()
        world.succeed(
            f"systemd-run --quiet --unit miner-{name}"
            f" kinitro mock-miner --policy {policy} --listen 0.0.0.0:{port} --hotkey {hotkey}"
        )
        world.wait_for_open_port(port)
    # A registration counts once its block is final.
    world.succeed(f"{CHAIN} advance 5")
    for port, name in enumerate(MINERS, 9001):
        world.succeed(
            f"kinitro commit {NODE} --wallet-path {WALLETS} --wallet-name {name} --repo {name}/policy"
            f" --revision {port:040} --chute-id http://world:{port}"
        )

with subtest("an operator with a hotkey publishes a cycle"):
    hand_over("operator", operator)
    operator.succeed("systemctl restart kinitro.service")
    operator.wait_until_succeeds(f"curl -sf {MANIFEST}", timeout=240)
    signed = json.loads(operator.succeed(f"curl -sf {MANIFEST}"))
    manifest = signed["manifest"]
    t.assertNotIn("dev", json.dumps(manifest["beacon"]), "the beacon is not the operator's VRF")
    paid = manifest["scores"]["standing"]["weights_u16"]
    t.assertEqual(len(paid["uids"]), len(MINERS), manifest["scores"])

with subtest("a validator that a lying server faces sets nothing"):
    hand_over("validator1", validator1)
    row = next(row for row in manifest["episodes"] if row["success"])
    signed["manifest"]["episodes"][manifest["episodes"].index(row)]["steps"] = 1
    pages = {"v1/cycles/1/manifest": json.dumps(signed), "v1/status": operator.succeed(f"curl -sf {API}/v1/status")}
    for page, text in pages.items():
        world.succeed(f"mkdir -p $(dirname /root/lie/{page}); cat > /root/lie/{page} <<'END'\n{text}\nEND\n")
    world.succeed("systemd-run --quiet --unit liar $(command -v python3) -m http.server 8000 --directory /root/lie")
    world.wait_for_open_port(8000)
    status, said = validator1.execute(
        "systemctl cat kinitro-validator.service | grep -vE '^(Type|WatchdogSec|Restart)='"
        " | sed 's|^\\(ExecStart=.*validate\\)|\\1 --once --backend-url http://world:8000|'"
        " > /run/systemd/system/deceived.service; printf '[Service]\\nType=oneshot\\n' >> /run/systemd/system/deceived.service;"
        " systemctl stop kinitro-validator.service; systemctl daemon-reload; systemctl start deceived.service"
    )
    t.assertNotEqual(status, 0)
    said = validator1.succeed("journalctl --no-pager --output cat --unit deceived.service")
    t.assertIn("cycle 1 is not the operator's word, so nothing was set", said)
    t.assertEqual(weights(), {})

with subtest("two validators set equal weights, those of the manifest"):
    hand_over("validator2", validator2)
    for machine in (validator1, validator2):
        machine.succeed(f"systemctl restart {UNIT}")
        machine.wait_for_unit(UNIT)
    retry(lambda _: len(weights()) == 2)
    first, second = weights().values()
    t.assertEqual(first, second)
    t.assertEqual(json.loads(first[0]), paid["uids"])
    # A chain's largest weight is 65535, a manifest's weights are shares of 65535.
    for value, share in zip(json.loads(first[1]), paid["values"], strict=True):
        t.assertAlmostEqual(value / 65535, share / max(paid["values"]), delta=0.0001)
    for machine in (validator1, validator2):
        machine.require_unit_state(UNIT)
