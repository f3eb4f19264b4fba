# The roles apart: API and scheduler on one machine, executors on two others. One is pulled out in the middle of a cycle, the
# other loses its network for longer than its leases last. Nothing is lost, and no miner pays for it.
import json
from typing import Any

MINERS = {"alice": "expert", "bob": "push", "carol": "malformed"}
EPISODES = 2 * 4
API = "http://operator:8000"
MANIFEST = f"{API}/v1/cycles/1/manifest"
# Files that a command makes in the unit's state folder have to be its user's.
AS_THE_UNIT = (
    "systemd-run --quiet --pipe --wait -p DynamicUser=yes -p User=kinitro -p StateDirectory=kinitro"
    " -E KINITRO_CONFIG=/etc/kinitro/kinitro.toml -E KINITRO_DATA_DIR=/var/lib/kinitro"
)


def get(path: str) -> Any:
    return json.loads(operator.succeed(f"curl -sf {API}{path}"))


def kinitro(arguments: str) -> str:
    return operator.succeed(f"{AS_THE_UNIT} kinitro {arguments}")


def at_work() -> set[str]:
    return set(get("/v1/tasks/stats")["active_executors"])


def signal_miners(name: str) -> None:
    """Holds the miners up, and with them the cycle, or lets them go on."""
    for miner in MINERS:
        miners.succeed(f"systemctl kill --signal {name} miner-{miner}.service")


def tunnel(machine: Any) -> None:
    machine.succeed("systemd-run --quiet --unit tunnel $(command -v python3) /etc/kinitro-tunnel.py 8000 operator 8000")
    machine.wait_for_open_port(8000)


start_all()
operator.wait_for_unit("kinitro-api.service")
operator.wait_for_open_port(8000)
# The scheduler waits for the miners.
operator.succeed("systemctl stop kinitro-scheduler.service")

with subtest("executors get keys, and a way to the API"):
    for machine in (rack1, rack2):
        tunnel(machine)
        key = kinitro(f"api-key create {machine.name}").strip()
        machine.succeed(
            f"mkdir -p /etc/kinitro; umask 077; echo {key} > /etc/kinitro/api-key",
            "systemctl restart kinitro-executor.service",
        )
        machine.wait_for_unit("kinitro-executor.service")

with subtest("miners serve policies and claim them"):
    kinitro("dev-chain register --name default/default --validator")
    for port, (name, policy) in enumerate(MINERS.items(), 9001):
        hotkey = kinitro(f"dev-chain hotkey --name {name}").strip()
        miners.succeed(
            f"systemd-run --quiet --unit miner-{name}"
            f" kinitro mock-miner --policy {policy} --listen 0.0.0.0:{port} --hotkey {hotkey}"
        )
        miners.wait_for_open_port(port)
        kinitro(f"dev-chain register --name {name}")
        kinitro(f"dev-chain commit --name {name} --deployment http://miners:{port}")
    kinitro("dev-chain advance 5")

with subtest("both executors are at work"):
    signal_miners("STOP")
    operator.succeed("systemctl start kinitro-scheduler.service")
    retry(lambda _: at_work() == {"rack1", "rack2"})

with subtest("one is pulled out, the other loses its network for a while"):
    rack1.crash()
    rack2.block()
    retry(lambda _: at_work() == set())
    rack2.unblock()
    signal_miners("CONT")
    operator.wait_until_succeeds(f"curl -sf {MANIFEST}", timeout=240)

with subtest("nothing is lost, and nobody pays"):
    manifest = json.loads(operator.succeed(f"curl -sf {MANIFEST}"))["manifest"]
    rows = [(row["uid"], row["environment"], row["index"]) for row in manifest["episodes"]]
    t.assertEqual(len(rows), len(set(rows)), "an episode stands twice")
    t.assertEqual(len(rows), len(MINERS) * EPISODES)
    faults = {(row["uid"], row["fault"] and row["fault"]["reason"]) for row in manifest["episodes"]}
    # In the order of registration, after the operator.
    t.assertEqual(faults, {(1, None), (2, None), (3, "malformed_actions")})
    t.assertEqual([score["left_out"] for score in manifest["scores"]["environments"]], [0, 0])
    t.assertEqual(
        [
            score["successes"]
            for miner in manifest["scores"]["miners"]
            if miner["uid"] == 1
            for score in miner["environments"]
        ],
        [EPISODES // 2, EPISODES // 2],
        "the expert paid for our outage",
    )
    assert "identical" in miners.succeed(f"kinitro verify {API}")

with subtest("the executor that was pulled out comes back by itself"):
    rack1.start()
    tunnel(rack1)
    rack1.wait_for_unit("kinitro-executor.service")
