//! Bad input, row by row: each gets one sentence with what to do and an exit code that is not 0, and nothing is lost.

mod stage;

use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use kinitro::transcript::Transcript;

use stage::process::{Process, assert_refused, kinitro};
use stage::{Play, Stage, http};

/// A good task vector of reach.
const VECTOR: &str = "0,0.65,0.02,0.05,0.85,0.2";
/// Where the format version stands in an unpacked transcript.
const VERSION_BYTE: usize = 20;

/// One row: what is typed, the exit code, what the sentence must say.
type Row<'a> = (&'a [&'a str], i32, &'a [&'a str]);

fn run(folder: &Path, arguments: &[&str]) -> Output {
    kinitro().current_dir(folder).args(arguments).output().unwrap()
}

#[track_caller]
fn check(folder: &Path, rows: &[Row]) {
    for (arguments, code, with) in rows {
        assert_refused(&arguments.join(" "), &run(folder, arguments), *code, with);
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(folder.join(name), bytes).unwrap();
}

#[test]
fn unknown_environments() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "fly.toml", b"[contest]\nenvironments = [\"metaworld/fly-v3\"]\n");
    let unknown = &["there is no", "metaworld/fly-v3", "kinitro list-envs"][..];
    let (fly, nowhere) = ("metaworld/fly-v3", "http://127.0.0.1:1");
    check(
        folder.path(),
        &[
            (&["test-env", fly], 1, unknown),
            (&["env", "rollout", fly, "--task-vector", "0", "--expert"], 1, unknown),
            (&["env", "corpus", "--envs", fly], 1, unknown),
            (&["evaluate", nowhere, "--env", fly], 1, unknown),
            (&["demo", "--envs", fly], 1, unknown),
            (&["mock-miner", "--policy", "specialist", "--envs", fly, "--listen", "127.0.0.1:0"], 1, unknown),
            (&["bench", "sim", fly], 1, unknown),
            (&["check-config", "--config", "fly.toml"], 1, unknown),
            (&["daemon", "--config", "fly.toml"], 1, unknown),
            (&["executor", "--env", fly], 1, unknown),
            (&["env", "rollout", "fly", "--task-vector", "0", "--expert"], 1, &["kinitro list-envs"]),
        ],
    );
}

#[test]
fn wrong_lengths_and_values_that_are_no_numbers() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "nan.jsonl", b"[0, 0, 0, 1]\n[0, 0, 0, NaN]\n");
    write(folder.path(), "short.jsonl", b"[0, 0, 0]\n");
    write(folder.path(), "huge.jsonl", b"[0, 0, 0, 1e39]\n");
    let rollout = |vector, actor: &[&'static str]| -> Vec<&'static str> {
        [&["env", "rollout", "metaworld/reach-v3", "--task-vector", vector], actor].concat()
    };
    let (expert, four) = (&["--expert"][..], "four numbers such as");
    check(
        folder.path(),
        &[
            (&rollout("0,0.6", expert), 1, &["6 numbers, not 2", "kinitro list-envs"]),
            (&rollout("0,NaN,0,0,0,0", expert), 1, &["number 1", "NaN", "finite"]),
            (&rollout("0,0,inf,0,0,0", expert), 1, &["number 2", "inf", "finite"]),
            (&rollout("0,six,0,0,0,0", expert), 1, &["\"six\"", "is no number"]),
            (&rollout(VECTOR, &["--actions", "nan.jsonl"]), 1, &["line 2 of nan.jsonl", four]),
            (&rollout(VECTOR, &["--actions", "short.jsonl"]), 1, &["line 1 of short.jsonl", four]),
            (&rollout(VECTOR, &["--actions", "huge.jsonl"]), 1, &["line 1 of huge.jsonl", "single precision"]),
            (&rollout(VECTOR, &["--actions", "missing.jsonl"]), 1, &["missing.jsonl cannot be read"]),
        ],
    );
}

/// Records one episode; the folder with its transcript and the transcript itself.
fn recorded(folder: &Path) -> Vec<u8> {
    let record = ["test-env", "metaworld/reach-v3", "--episodes", "1", "--cameras", "none", "--record", "runs"];
    let output = run(folder, &record);
    assert!(output.status.success(), "{output:?}");
    let file = std::fs::read_dir(folder.join("runs")).unwrap().next().unwrap().unwrap();
    std::fs::read(file.path()).unwrap()
}

#[test]
fn damaged_foreign_older_and_newer_files() {
    let folder = tempfile::tempdir().unwrap();
    let good = recorded(folder.path());
    let of_version = |version: u8| {
        let mut body = Transcript::from_bytes(&good).unwrap().body().to_vec();
        body[VERSION_BYTE] = version;
        zstd::bulk::compress(&body, 1).unwrap()
    };
    let manifest = |version: u8| format!(r#"{{"manifest":{{"format":"kinitro-manifest","version":{version}}}}}"#);
    write(folder.path(), "truncated.ktr", &good[..good.len() / 2]);
    write(folder.path(), "foreign.ktr", b"PK\x03\x04 an archive");
    write(folder.path(), "older.ktr", &of_version(0));
    write(folder.path(), "newer.ktr", &of_version(2));
    write(folder.path(), "older.json", manifest(0).as_bytes());
    write(folder.path(), "newer.json", manifest(2).as_bytes());
    write(folder.path(), "foreign.json", b"{\"name\": \"package\"}");
    let files: [(&str, &[&str]); 4] = [
        ("truncated.ktr", &["truncated"]),
        ("foreign.ktr", &["not a transcript"]),
        ("older.ktr", &["version 0", "older", "use the release"]),
        ("newer.ktr", &["version 2", "newer", "install a newer release"]),
    ];
    for (file, with) in files {
        check(folder.path(), &[(&["replay", file], 2, with), (&["replay", file, "--dump"], 2, with)]);
        let output = run(folder.path(), &["verify", file]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)), "verify {file}: {said}");
        assert!(with.iter().all(|needle| said.contains(needle)), "verify {file}: {said}");
    }
    check(
        folder.path(),
        &[
            (&["verify", "older.json"], 2, &["older", "version 0"]),
            (&["verify", "newer.json"], 2, &["newer", "version 2"]),
            (&["verify", "foreign.json"], 2, &["not a kinitro manifest"]),
            (&["beacon", "verify", "newer.json"], 2, &["newer", "version 2"]),
        ],
    );
}

#[test]
fn older_newer_and_foreign_databases() {
    let folder = tempfile::tempdir().unwrap();
    assert!(run(folder.path(), &["db", "--data-dir", "newer", "init"]).status.success());
    let database = rusqlite::Connection::open(folder.path().join("newer/kinitro.sqlite3")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    drop(database);
    std::fs::create_dir(folder.path().join("foreign")).unwrap();
    write(folder.path(), "foreign/kinitro.sqlite3", b"a letter to somebody");
    for (data, with) in [("newer", "written by a newer kinitro"), ("foreign", "is not a database of kinitro")] {
        for role in ["daemon", "api", "scheduler"] {
            check(folder.path(), &[(&[role, "--data-dir", data, "--log", "off"], 1, &[with])]);
        }
        check(folder.path(), &[(&["db", "--data-dir", data, "init"], 1, &[with])]);
        check(folder.path(), &[(&["api-key", "--data-dir", data, "create", "rack"], 1, &[with])]);
    }
    assert_eq!(std::fs::read(folder.path().join("foreign/kinitro.sqlite3")).unwrap(), b"a letter to somebody");
}

#[test]
fn a_damaged_wheel() {
    let folder = tempfile::tempdir().unwrap();
    let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/metaworld/metaworld-3.1.1-py3-none-any.whl");
    write(folder.path(), "metaworld-3.1.1-py3-none-any.whl", &std::fs::read(wheel).unwrap()[..200_000]);
    let commands: [&[&str]; 8] = [
        &["test-env", "metaworld/reach-v3"],
        &["env", "rollout", "metaworld/reach-v3", "--task-vector", VECTOR, "--expert"],
        &["evaluate", "http://127.0.0.1:1", "--env", "metaworld/reach-v3"],
        &["mock-miner", "--listen", "127.0.0.1:0"],
        &["demo", "--data-dir", "demo"],
        &["daemon", "--listen", "127.0.0.1:0", "--log", "off"],
        &["scheduler", "--log", "off"],
        &["executor", "--log", "off"],
    ];
    for arguments in commands {
        let mut command = kinitro();
        command.current_dir(folder.path()).env("KINITRO_ASSETS", folder.path()).args(arguments);
        let with = ["metaworld-3.1.1 wheel", "run `make vendor`"];
        assert_refused(&arguments.join(" "), &command.output().unwrap(), 1, &with);
    }
}

#[test]
fn occupied_ports_and_folders_that_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    // A path below a file can be written by nobody, root included.
    write(folder.path(), "file", b"");
    let listen = &["cannot listen on", &taken, "choose another"][..];
    let folder_needed = &["cannot use the data folder file/data", "must be a folder"][..];
    check(
        folder.path(),
        &[
            (&["daemon", "--listen", &taken, "--log", "off"], 1, listen),
            (&["api", "--listen", &taken, "--log", "off"], 1, listen),
            (&["mock-miner", "--listen", &taken], 1, listen),
            (&["api", "--no-auth", "--listen", "0.0.0.0:0"], 1, &["loopback only", "kinitro api-key create"]),
            (&["daemon", "--listen", "127.0.0.1:0", "--data-dir", "file/data", "--log", "off"], 1, folder_needed),
            (&["api", "--listen", "127.0.0.1:0", "--data-dir", "file/data", "--log", "off"], 1, folder_needed),
            (&["scheduler", "--data-dir", "file/data", "--log", "off"], 1, folder_needed),
            (&["db", "--data-dir", "file/data", "init"], 1, folder_needed),
            (&["db", "--data-dir", "file/data", "status"], 1, &["there is no database", "kinitro db init"]),
            (&["api-key", "--data-dir", "file/data", "create", "a"], 1, &["there is no database", "kinitro db init"]),
            (&["demo", "--data-dir", "file/data"], 1, &["file/data", "must be a folder"]),
            (&["validate", "--once", "--data-dir", "file/data", "--log", "off"], 1, &["file/data", "must be a folder"]),
            (&["test-env", "metaworld/reach-v3", "--record", "file/runs"], 1, &["cannot make the folder file/runs"]),
        ],
    );
}

#[test]
fn servers_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = "http://127.0.0.1:1";
    check(
        folder.path(),
        &[
            (&["verify", nobody], 2, &["is the server running"]),
            (&["verify", "http://127.0.0.1:1/elsewhere"], 2, &["give http://host:port"]),
            (&["validate", "--once", "--backend-url", nobody, "--log", "off"], 1, &["is the server running"]),
            (&["validate", "--once", "--backend-url", "nonsense", "--log", "off"], 1, &["give http://host:port"]),
            (&["executor", "--api-url", "nonsense", "--log", "off"], 1, &["expected http://host:port"]),
            (&["evaluate", nobody, "--env", "metaworld/reach-v3", "--episodes", "1"], 1, &["could not be reached"]),
        ],
    );
}

#[test]
fn endpoints_name_what_is_wrong_and_stay_up() {
    let stage = Stage::set(&Play::default(), &[]);
    let mut api = Process::start(stage.role("api").arg("--no-auth"));
    let url = api.url();
    let good = recorded(&stage.data());
    let id = Transcript::from_bytes(&good).unwrap().id().to_string();
    let mut newer = Transcript::from_bytes(&good).unwrap().body().to_vec();
    newer[VERSION_BYTE] = 2;
    let newer = zstd::bulk::compress(&newer, 1).unwrap();
    let put = format!("/v1/transcripts/{id}");
    let huge = vec![b' '; 2 << 20];
    let rows: [(&str, &str, &[u8], u16, &str); 13] = [
        ("GET", "/v1/episodes?env_id=metaworld/fly-v3", b"", 422, "metaworld/fly-v3"),
        ("GET", "/v1/episodes?uid=-1", b"", 422, "uid"),
        ("GET", "/v1/cycles/99", b"", 404, "there is no cycle 99"),
        ("GET", "/v1/cycles?limit=0", b"", 422, "limit"),
        ("POST", "/v1/tasks/fetch", br#"{"executor_id":"a","env_ids":["metaworld/fly-v3"]}"#, 422, "fly-v3"),
        ("POST", "/v1/tasks/fetch", br#"{"executor_id":"a""#, 400, ""),
        ("POST", "/v1/tasks/fetch", &huge, 413, ""),
        ("POST", "/v1/tasks/submit", br#"{"executor_id":"a","results":[{"total_reward":NaN}]}"#, 400, ""),
        ("PUT", &put, &good[..good.len() / 2], 422, "truncated"),
        ("PUT", &put, b"PK\x03\x04 an archive", 422, "not a transcript"),
        ("PUT", &put, &newer, 422, "newer"),
        ("PUT", &put, &good, 422, "it is of no cycle"),
        ("GET", "/v1/nothing", b"", 404, "openapi.json"),
    ];
    for (method, path, body, status, with) in rows {
        let kind = if method == "PUT" { "application/octet-stream" } else { "application/json" };
        let answer = http::request(method, &format!("{url}{path}"), &[("content-type", kind)], body).unwrap();
        let text = String::from_utf8_lossy(&answer.1);
        assert_eq!(answer.0, status, "{method} {path}: {text}");
        let error: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(error["code"].is_string() && error["detail"].as_str().unwrap().contains(with), "{path}: {text}");
    }
    assert_eq!(http::json(&format!("{url}/health")).unwrap()["status"], "ok");
}
