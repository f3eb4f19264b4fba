# A database of schema 1, as release 0.1.0 left it: the daemon takes it over, brings it to its own schema, and
# serves what it held. One of a newer schema is refused untouched.
import json
from typing import Any

API = "http://localhost:8000"
OLD = "/etc/kinitro-old"
DATA = "/var/lib/kinitro"
NEW = "/tmp/new/kinitro.sqlite3"
# Every table with its columns, and every index.
SHAPE = """
shape = {}
for kind, name in db.execute("SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'").fetchall():
    columns = db.execute("SELECT name, type, [notnull], dflt_value, pk FROM pragma_table_xinfo(?)", [name]).fetchall()
    shape[f"{kind} {name}"] = sorted(columns, key=str)
import json
print(json.dumps(shape, sort_keys=True))
"""
# Digest of the manifest in the old database.
PUBLISHED = "a8566ec03cb911f3d4bc604041f1ded2cf9458e03762bdf150c1120c27b788da"
AS_THE_UNIT = (
    "systemd-run --quiet --pipe --wait -p DynamicUser=yes -p User=kinitro -p StateDirectory=kinitro"
    " -E KINITRO_CONFIG=/etc/kinitro/kinitro.toml -E KINITRO_DATA_DIR=/var/lib/kinitro"
)


def get(path: str) -> Any:
    return json.loads(machine.succeed(f"curl -sf {API}{path}"))


def sqlite(code: str, database: str = f"{DATA}/kinitro.sqlite3") -> str:
    """Runs Python that has the database as `db`, and what prints with `print`."""
    return machine.succeed(
        f"cat > /tmp/sqlite.py <<'END'\nimport sqlite3\ndb = sqlite3.connect('{database}')\n{code}\ndb.commit()\nEND\n",
        "python3 /tmp/sqlite.py",
    ).strip()


def version(database: str = f"{DATA}/kinitro.sqlite3") -> int:
    return int(sqlite("print(db.execute('PRAGMA user_version').fetchone()[0])", database))


machine.wait_for_unit("kinitro.service")

with subtest("the data folder becomes that of release 0.1.0"):
    machine.succeed(
        "systemctl stop kinitro.service",
        f"rm -r {DATA}/kinitro.sqlite3* {DATA}/transcripts",
        # What comes out of the Nix store is read-only.
        f"cp -rL {OLD}/transcripts {DATA}/transcripts; chmod -R u+w {DATA}/transcripts",
    )
    sqlite(f"db.executescript(open('{OLD}/schema-1.sql').read())")
    machine.succeed(f"chown -R --reference={DATA}/. {DATA}/.")
    t.assertEqual(version(), 1)

with subtest("the daemon takes it over"):
    machine.succeed("kinitro db init --data-dir /tmp/new")
    newest = version(NEW)
    t.assertLess(version(), newest)
    machine.succeed("systemctl start kinitro.service")
    machine.wait_for_open_port(8000)
    t.assertEqual(version(), newest)
    t.assertEqual(json.loads(sqlite(SHAPE)), json.loads(sqlite(SHAPE, NEW)))

with subtest("it serves what it held"):
    t.assertEqual(get("/v1/status")["last_completed_cycle"]["id"], 1)
    signed = get("/v1/cycles/1/manifest")
    t.assertEqual(signed["digest"], PUBLISHED)
    held = [row["transcript_id"] for row in signed["manifest"]["episodes"]]
    t.assertEqual(len(held), 6)
    for name in held:
        served = f"curl -sf {API}/v1/episodes/{name}/transcript"
        machine.succeed(f"{served} | cmp - {OLD}/transcripts/{name[:2]}/{name[2:]}.ktr")
    assert "identical" in machine.succeed(f"kinitro verify {API}/v1/cycles/1 --level structure,seeds,scores")

with subtest("it is worked with as any other"):
    machine.succeed(f"{AS_THE_UNIT} kinitro api-key create rack1")
    status = json.loads(machine.succeed(f"{AS_THE_UNIT} kinitro db status --json"))
    t.assertEqual(status["rows"]["cycle"], 1, status)

with subtest("a database of a newer release is refused, and left as it is"):
    machine.succeed("systemctl stop kinitro.service")
    sqlite("db.execute('PRAGMA user_version = 9999')")
    before = machine.succeed(f"sha256sum {DATA}/kinitro.sqlite3")
    machine.execute("systemctl start --no-block kinitro.service")
    machine.wait_until_succeeds(
        "journalctl --no-pager --unit kinitro.service | grep -q 'was written by a newer kinitro'", timeout=60
    )
    machine.succeed("systemctl stop kinitro.service")
    t.assertEqual(machine.succeed(f"sha256sum {DATA}/kinitro.sqlite3"), before)
