# An outsider's machine re-verifies a published cycle of an operator, over the network and from its own copy, and finds a lie.
import json

MINERS = {"alice": "expert", "bob": "push"}
API = "http://operator:8000"
MANIFEST = f"{API}/v1/cycles/1/manifest"
# Files that a command makes in the unit's state folder have to be its user's.
AS_THE_UNIT = (
    "systemd-run --quiet --pipe --wait -p DynamicUser=yes -p User=kinitro -p StateDirectory=kinitro"
    " -E KINITRO_CONFIG=/etc/kinitro/kinitro.toml -E KINITRO_DATA_DIR=/var/lib/kinitro"
)
COPY = "/root/copy"
VERIFY = f"kinitro verify --transcripts {COPY}"


def kinitro(arguments: str) -> str:
    return operator.succeed(f"{AS_THE_UNIT} kinitro {arguments}")


def forge(change: str) -> None:
    """Writes a changed copy of the manifest; `change` is Python that has it as `manifest`."""
    outsider.succeed(
        f"cat > /tmp/forge.py <<'END'\nimport json\nwhole = json.load(open('{COPY}/manifest.json'))\n"
        f"manifest = whole['manifest']\n{change}\njson.dump(whole, open('{COPY}/forged.json', 'w'))\nEND\n",
        "python3 /tmp/forge.py",
    )


start_all()
operator.wait_for_unit("kinitro.service")

with subtest("an operator publishes a cycle"):
    operator.succeed("systemctl stop kinitro.service")
    kinitro("dev-chain register --name default/default --validator")
    for port, (name, policy) in enumerate(MINERS.items(), 9001):
        hotkey = kinitro(f"dev-chain hotkey --name {name}").strip()
        operator.succeed(
            f"systemd-run --quiet --unit miner-{name}"
            f" kinitro mock-miner --policy {policy} --listen 127.0.0.1:{port} --hotkey {hotkey}"
        )
        operator.wait_for_open_port(port)
        kinitro(f"dev-chain register --name {name}")
        kinitro(f"dev-chain commit --name {name} --deployment http://127.0.0.1:{port}")
    kinitro("dev-chain advance 5")
    operator.succeed("systemctl start kinitro.service")
    operator.wait_until_succeeds(f"curl -sf {MANIFEST}", timeout=240)

with subtest("the outsider verifies it over the network"):
    report = json.loads(outsider.succeed(f"kinitro verify {API}/v1/cycles/1 --json"))
    t.assertEqual(report["answer"], "identical", report)
    checked = {level["level"]: level["checked"] for level in report["levels"]}
    for level in ("structure", "seeds", "physics", "frames", "scores"):
        t.assertGreater(checked[level], 0, report)

with subtest("a cycle that is not there cannot be verified"):
    t.assertEqual(outsider.execute(f"kinitro verify {API}/v1/cycles/2")[0], 2)

with subtest("the outsider verifies its own copy, with the operator switched off"):
    outsider.succeed(f"mkdir -p {COPY}; curl -sf {MANIFEST} -o {COPY}/manifest.json")
    manifest = json.loads(outsider.succeed(f"cat {COPY}/manifest.json"))["manifest"]
    for row in manifest["episodes"]:
        name = row["transcript_id"]
        outsider.succeed(f"curl -sf {API}/v1/episodes/{name}/transcript -o {COPY}/{name}.ktr")
    operator.shutdown()
    outsider.fail(f"curl -sf --max-time 5 {API}/health")
    # Pictures were drawn again above; they take the longest.
    assert "identical" in outsider.succeed(f"{VERIFY} --level structure,seeds,physics,scores {COPY}/manifest.json")

with subtest("lies about an episode and about scores are found and named"):
    for place, change in {
        "steps": "manifest['episodes'][0]['steps'] = 1",
        "successes": "manifest['scores']['miners'][0]['environments'][0]['successes'] += 1",
    }.items():
        forge(change)
        status, said = outsider.execute(f"{VERIFY} --level structure,seeds,scores {COPY}/forged.json 2>&1")
        t.assertEqual(status, 1, said)
        t.assertIn(place, said)

with subtest("a changed transcript is found and named"):
    row = manifest["episodes"][0]
    outsider.succeed(f"printf x | dd of={COPY}/{row['transcript_id']}.ktr bs=1 seek=200 conv=notrunc status=none")
    status, said = outsider.execute(f"{VERIFY} --level structure {COPY}/manifest.json 2>&1")
    t.assertEqual(status, 1, said)
    t.assertIn(f"episode {row['index']} of {row['environment']} by uid {row['uid']}", said)
