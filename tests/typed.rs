//! What people type and where they send it: flags before and after a subcommand, output that nobody takes, files
//! that are none, and options that would not be heeded.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A good task vector of reach.
const VECTOR: &str = "0,0.65,0.02,0.05,0.85,0.2";

fn kinitro(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinitro"));
    for name in ["KINITRO_CONFIG", "KINITRO_API_KEY", "KINITRO_DATA_DIR", "NETWORK", "NETUID"] {
        command.env_remove(name);
    }
    command.current_dir(folder).args(arguments).stdin(Stdio::null());
    command
}

fn output(folder: &Path, arguments: &[&str]) -> Output {
    kinitro(folder, arguments).output().unwrap()
}

#[track_caller]
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = output(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str], code: i32, with: &str) {
    let output = output(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    assert!(said.contains(with), "{arguments:?}: {said}");
}

#[test]
fn common_flags_may_stand_before_and_after_a_subcommand() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeeds(at, &["db", "init", "--data-dir", "data"]);
    assert!(succeeds(at, &["db", "--data-dir", "data", "status"]).contains("schema"));
    assert!(succeeds(at, &["api-key", "create", "rack-3", "--data-dir", "data"]).starts_with("kinitro_"));
    assert!(succeeds(at, &["api-key", "list", "--json", "--data-dir", "data"]).contains("rack-3"));
    assert!(succeeds(at, &["dev-chain", "register", "--name", "alice", "--data-dir", "data"]).contains("is uid"));
}

#[test]
fn what_cannot_be_told_on_standard_error_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    for (arguments, code) in [
        (&["replay", "nowhere.ktr"][..], 2),
        (&["db", "status"], 1),
        (&["validate", "--once", "--log", "trace", "--backend-url", "http://127.0.0.1:1"], 1),
        (&["env", "rollout", "nowhere", "--task-vector", "0", "--expert"], 1),
    ] {
        let status = kinitro(folder.path(), arguments).stdout(Stdio::null()).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn a_key_that_could_not_be_handed_over_is_worth_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeeds(at, &["db", "init", "--data-dir", "data"]);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let made = kinitro(at, &["api-key", "create", "rack-3", "--data-dir", "data"]).stdout(full).output().unwrap();
    assert_eq!(made.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&made.stderr).contains("so it is revoked"));
    let keys: serde_json::Value =
        serde_json::from_str(&succeeds(at, &["api-key", "list", "--json", "--data-dir", "data"])).unwrap();
    assert_eq!(keys[0]["valid"], false);
}

#[test]
fn a_device_without_an_end_is_refused_wherever_a_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let rollout = ["env", "rollout", "metaworld/reach-v3", "--task-vector", VECTOR, "--actions", "/dev/zero"];
    for (arguments, code) in [
        (&["replay", "/dev/zero"][..], 2),
        (&["verify", "/dev/zero"], 2),
        (&["score", "--input", "/dev/zero"], 1),
        (&["check-config", "--config", "/dev/zero"], 1),
        (&["evaluate", "http://127.0.0.1:1", "--bearer-file", "/dev/zero"], 1),
        (&rollout, 1),
    ] {
        refused(folder.path(), arguments, code, "/dev/zero");
    }
}

#[test]
fn what_could_not_be_checked_has_another_exit_code_than_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::write(at.join("foreign.ktr"), b"nothing of ours").unwrap();
    refused(at, &["replay", "nowhere.ktr"], 2, "could not check: cannot read nowhere.ktr");
    refused(at, &["replay", "foreign.ktr"], 2, "could not check: foreign.ktr: not a transcript");
    refused(at, &["beacon", "verify", "nowhere"], 2, "could not check: nowhere does not exist");
    refused(at, &["beacon", "verify", "http://127.0.0.1:1"], 2, "could not check");
}

#[test]
fn options_that_need_a_manifest_are_not_passed_over_where_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    succeeds(at, &["test-env", "metaworld/reach-v3", "--episodes", "1", "--cameras", "none", "--record", "runs"]);
    assert!(succeeds(at, &["verify", "runs"]).contains("identical"));
    let hotkey = succeeds(at, &["dev-chain", "hotkey", "--name", "operator"]);
    let zeros = "0".repeat(64);
    for (option, value) in [
        ("--operator", hotkey.trim()),
        ("--genesis", &zeros),
        ("--anchor-hash", &zeros),
        ("--log", "text"),
        ("--sample", "1"),
        ("--transcripts", "runs"),
        ("--against", "http://127.0.0.1:1"),
    ] {
        refused(at, &["verify", "runs", option, value], 2, &format!("{option} needs the manifest of a cycle"));
    }
    refused(at, &["verify", "a", "--against", "b", "--operator", hotkey.trim()], 2, "cannot be used with");
}

#[test]
fn seeds_are_derived_for_environments_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let output = "1".repeat(64);
    let typed =
        |environment| ["beacon", "derive", "--output", &output, "--cycle", "1", environment, "0"].map(str::to_owned);
    let derive = |environment| typed(environment).iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let [good, bad] = ["metaworld/reach-v3", "metaworld/raech-v3"].map(derive);
    succeeds(folder.path(), &good.split(' ').collect::<Vec<_>>());
    refused(folder.path(), &bad.split(' ').collect::<Vec<_>>(), 1, "there is no environment metaworld/raech-v3");
    let neither = ["beacon", "derive", "--cycle", "1", "metaworld/reach-v3", "0"];
    refused(folder.path(), &neither, 2, "<--output <HEX>|--dev-hash <HASH>>");
}

#[test]
fn nothing_waits_for_ever_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let nobody = "http://127.0.0.1:1";
    refused(at, &["evaluate", nobody, "--concurrency", "0"], 2, "0 is not in 1..=1024");
    let twice = ["evaluate", nobody, "--env", "metaworld/reach-v3", "--env", "metaworld/reach-v3"];
    refused(at, &twice, 1, "stands twice");
    refused(at, &["demo", "--envs", "metaworld/reach-v3,metaworld/reach-v3"], 1, "stands twice");
    refused(at, &["env", "corpus", "--envs", "metaworld/reach-v3,metaworld/reach-v3"], 1, "stands twice");
    refused(at, &["env", "corpus", "--threads", "0"], 2, "--threads");
    refused(at, &["bench", "ingest", "--folder", "nowhere"], 1, "cannot make nowhere/");
    assert_eq!(std::fs::read_dir(at).unwrap().count(), 0);
}
