//! `kinitro db` and `kinitro api-key` as a person or a script meets them.

use std::path::Path;
use std::process::Output;

use assert_cmd::Command;
use kinitro::store::{DataDir, Role};

fn kinitro(folder: &Path, args: &[&str]) -> Output {
    // Flags of the group come before its sub-command.
    let (group, rest) = args.split_first().unwrap();
    Command::cargo_bin("kinitro")
        .unwrap()
        .current_dir(folder)
        .args([*group, "--data-dir"])
        .arg(folder.join("data"))
        .args(rest)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn succeeds(folder: &Path, args: &[&str]) -> String {
    let output = kinitro(folder, args);
    assert!(output.status.success(), "{args:?}: {}", text(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(folder: &Path, args: &[&str], with: &str) {
    let output = kinitro(folder, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output));
    assert!(text(&output).contains(with), "{args:?}: {}", text(&output));
}

#[test]
fn a_database_is_made_shown_reset_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fails(at, &["db", "status"], "run `kinitro db init`");
    succeeds(at, &["db", "create"]);
    succeeds(at, &["db", "init"]);
    succeeds(at, &["db", "init"]);
    let status: serde_json::Value = serde_json::from_str(&succeeds(at, &["db", "status", "--json"])).unwrap();
    assert_eq!((&status["rows"]["cycle"], &status["transcripts"]), (&0.into(), &0.into()));
    fails(at, &["db", "reset"], "pass --force");
    fails(at, &["db", "drop"], "pass --force");
    succeeds(at, &["db", "reset", "--force"]);
    succeeds(at, &["db", "drop", "--force"]);
    fails(at, &["db", "status"], "there is no database");
}

#[test]
fn a_database_in_use_is_not_dropped() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(folder.path(), &["db", "init"]);
    let _daemon = DataDir::open(&folder.path().join("data"), Role::Daemon).unwrap();
    fails(folder.path(), &["db", "drop", "--force"], "is in use by daemon (pid");
    succeeds(folder.path(), &["db", "status"]);
}

#[test]
fn a_foreign_file_is_never_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let database = DataDir::database_path(&data);
    std::fs::write(&database, "somebody's letter").unwrap();
    for command in [&["db", "init"][..], &["db", "status"], &["db", "drop", "--force"], &["db", "reset", "--force"]] {
        fails(folder.path(), command, "not a database of kinitro");
    }
    assert_eq!(std::fs::read(&database).unwrap(), b"somebody's letter");
}

#[test]
fn a_key_is_shown_once_and_revoked_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fails(at, &["api-key", "list"], "run `kinitro db init`");
    succeeds(at, &["db", "init"]);
    let key = succeeds(at, &["api-key", "create", "rack-3", "--expires-in-days", "90"]);
    assert!(key.starts_with("kinitro_") && key.trim().len() == 72, "{key}");
    let list = succeeds(at, &["api-key", "list"]);
    assert!(list.contains("rack-3") && list.contains("valid until"), "{list}");
    assert!(!list.contains(key.trim()));
    let bytes = std::fs::read(DataDir::database_path(&at.join("data"))).unwrap();
    let log = std::fs::read(at.join("data/kinitro.sqlite3-wal")).unwrap_or_default();
    assert!(!String::from_utf8_lossy(&[bytes, log].concat()).contains(key.trim()));
    succeeds(at, &["api-key", "revoke", "1"]);
    assert!(succeeds(at, &["api-key", "list"]).contains("revoked"));
    fails(at, &["api-key", "revoke", "7"], "there is no key 7");
}
