# One machine: the daemon comes up, plays a contest of mock miners, answers, and survives each way of being ended.
import json
from typing import Any

MINERS = {"alice": "expert", "bob": "push", "carol": "malformed"}
EPISODES = 3
API = "http://localhost:8000"
MANIFEST = f"{API}/v1/cycles/1/manifest"
# Files that a command makes in the unit's state folder have to be its user's.
AS_THE_UNIT = (
    "systemd-run --quiet --pipe --wait -p DynamicUser=yes -p User=kinitro -p StateDirectory=kinitro"
    " -E KINITRO_CONFIG=/etc/kinitro/kinitro.toml -E KINITRO_DATA_DIR=/var/lib/kinitro"
)


def get(path: str) -> Any:
    return json.loads(machine.succeed(f"curl -sf {API}{path}"))


def kinitro(arguments: str) -> str:
    return machine.succeed(f"{AS_THE_UNIT} kinitro {arguments}")


def digest() -> str:
    return machine.succeed(f"curl -sf {MANIFEST} | sha256sum")


def serves_the_same() -> None:
    machine.wait_for_unit("kinitro.service")
    machine.wait_for_open_port(8000)
    t.assertEqual(digest(), published)
    t.assertEqual(get("/health")["status"], "ok")


machine.wait_for_unit("kinitro.service")
machine.wait_for_open_port(8000)

with subtest("the API answers before there is anything to show"):
    t.assertEqual(get("/health")["status"], "ok")
    t.assertEqual(machine.succeed("curl -s -o /dev/null -w '%{http_code}' " + MANIFEST), "404")
    machine.succeed(f"curl -sf {API}/metrics | grep -x 'kinitro_store_up 1'")

with subtest("the unit stops when it is told to"):
    machine.succeed("systemctl stop kinitro.service", timeout=30)
    t.assertEqual(machine.get_unit_property("kinitro.service", "Result"), "success")

with subtest("miners serve policies and claim them"):
    kinitro("dev-chain register --name default/default --validator")
    for number, (name, policy) in enumerate(MINERS.items(), 9001):
        hotkey = kinitro(f"dev-chain hotkey --name {name}").strip()
        machine.succeed(
            f"systemd-run --quiet --unit miner-{name}"
            f" kinitro mock-miner --policy {policy} --listen 127.0.0.1:{number} --hotkey {hotkey}"
        )
        machine.wait_for_open_port(number)
        kinitro(f"dev-chain register --name {name}")
        kinitro(f"dev-chain commit --name {name} --deployment http://127.0.0.1:{number}")
    kinitro("dev-chain advance 5")

with subtest("a daemon that is killed in the middle of a cycle goes on with it"):
    # A miner that does not answer holds the cycle up for as long as the test likes.
    machine.succeed("systemctl kill --signal STOP miner-alice.service", "systemctl start kinitro.service")
    machine.wait_for_open_port(8000)
    retry(lambda _: get("/v1/tasks/stats")["completed_tasks"] >= EPISODES)
    killed = machine.get_unit_property("kinitro.service", "MainPID")
    machine.succeed("systemctl kill --signal KILL kinitro.service", "systemctl kill --signal CONT miner-alice.service")
    machine.wait_until_succeeds(f"curl -sf {MANIFEST}", timeout=120)
    t.assertNotEqual(machine.get_unit_property("kinitro.service", "MainPID"), killed)
    t.assertEqual(machine.get_unit_property("kinitro.service", "NRestarts"), "1")

with subtest("what is published is whole, and true"):
    manifest = json.loads(machine.succeed(f"curl -sf {MANIFEST}"))["manifest"]
    rows = [(row["uid"], row["index"]) for row in manifest["episodes"]]
    t.assertEqual(len(rows), len(set(rows)), "an episode stands twice")
    t.assertEqual(len(rows), len(MINERS) * EPISODES)
    successes = {miner["uid"]: miner["environments"][0]["successes"] for miner in manifest["scores"]["miners"]}
    faults = {row["uid"]: row["fault"] and row["fault"]["reason"] for row in manifest["episodes"]}
    # In the order of registration, after the operator.
    t.assertEqual(successes[1], EPISODES, "the expert paid for our crash")
    t.assertEqual([faults[1], faults[2], faults[3]], [None, None, "malformed_actions"])
    assert "identical" in machine.succeed(f"kinitro verify {API}")
    published = digest()

with subtest("it is backed up while it runs"):
    machine.require_unit_state("kinitro-backup.timer")
    machine.succeed("systemctl start kinitro-backup.service")
    machine.succeed("kinitro db backup --check /var/lib/kinitro-backup")

with subtest("it survives a restart"):
    machine.succeed("systemctl restart kinitro.service")
    serves_the_same()

with subtest("it survives kill -9"):
    machine.succeed("systemctl kill --signal KILL kinitro.service")
    machine.wait_until_succeeds(f"curl -sf {API}/health", timeout=60)
    serves_the_same()

with subtest("its data may be on another disk"):
    folder = "/var/lib/private/kinitro"
    machine.succeed("systemctl stop kinitro.service", f"mount -t tmpfs disk {folder}", "systemctl start kinitro.service")
    machine.succeed(f"mountpoint {folder}", f"test -s {folder}/kinitro.sqlite3")
    machine.succeed("systemctl stop kinitro.service", f"umount {folder}", "systemctl start kinitro.service")
    serves_the_same()

with subtest("it survives a loss of power, and comes up by itself"):
    machine.crash()
    machine.start()
    serves_the_same()
