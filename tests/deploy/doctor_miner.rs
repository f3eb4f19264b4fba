//! `kinitro doctor --miner`

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::loopback::{Loopback, Reply};
use crate::mock_miner;
use crate::process::kinitro;

fn doctor(url: &str, more: &[&str]) -> Command {
    let mut command = kinitro();
    command.args(["doctor", "--miner", url, "--acts", "5"]).args(more);
    command
}

fn seen(output: &Output) -> (Value, Vec<String>) {
    let check: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let findings = check["findings"].as_array().unwrap().clone();
    let bad = findings.iter().filter(|finding| finding["ok"] == false);
    let bad = bad.map(|finding| finding["what"].as_str().unwrap().to_owned()).collect();
    (check, bad)
}

/// A file of settings under which a busy machine makes nothing late.
fn patient(folder: &std::path::Path) -> String {
    let file = folder.join("kinitro.toml");
    std::fs::write(&file, "[contest.limits]\nact_timeout_ms = 60000\nreset_timeout_ms = 60000\n").unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_good_server_is_good_in_both_encodings_and_its_sizes_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let settings = patient(folder.path());
    let (_server, url) = mock_miner("zero");
    let output = doctor(&url, &["--local", "--json", "--config", &settings]).output().unwrap();
    let (check, bad) = seen(&output);
    assert!(output.status.success() && bad.is_empty(), "{check}");
    let calls = check["calls"].as_array().unwrap();
    assert_eq!([&calls[0]["encoding"], &calls[1]["encoding"]], ["json", "msgpack"]);
    assert!(calls.iter().all(|calls| calls["answered"] == 5 && calls["asked"] == 5), "{check}");
    let sizes = [0, 1].map(|index| calls[index]["sent_bytes"].as_u64().unwrap());
    assert!(sizes[0] > 3 * sizes[1] && sizes[1] > 42_000, "two pictures in each: {sizes:?}");
    // Outsiders would not call it.
    let output = doctor(&url, &["--json", "--config", &settings]).output().unwrap();
    let (check, bad) = seen(&output);
    assert_eq!((output.status.code(), bad), (Some(1), vec!["address".to_owned()]), "{check}");
}

#[test]
fn what_would_be_the_miners_fault_is_named_with_a_cure() {
    let folder = tempfile::tempdir().unwrap();
    let settings = patient(folder.path());
    let (_server, url) = mock_miner("nan");
    let output = doctor(&url, &["--local", "--config", &settings]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("BAD") && text.contains("malformed") && text.contains("four finite numbers"), "{text}");
    let output = doctor("http://127.0.0.1:1", &["--local", "--config", &settings]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && text.contains("unreachable: nothing answers there"), "{text}");
    // A limit of one millisecond makes any server too slow.
    std::fs::write(folder.path().join("kinitro.toml"), "[contest.limits]\nact_timeout_ms = 1\n").unwrap();
    let (_server, url) = mock_miner("slow");
    let output = doctor(&url, &["--local", "--json", "--config", &settings]).output().unwrap();
    let (check, bad) = seen(&output);
    assert!(bad.contains(&"act, json".to_owned()), "{check}");
    assert_eq!(check["calls"][0]["missed"]["timeout"], 5, "{check}");
}

/// A policy that plays well and says this of itself.
fn saying(health: Value) -> Loopback {
    Loopback::serve(move |asked| match asked.path() {
        "/health" => Reply::json(&health),
        "/reset" => Reply::json(&json!({"status": "ok"})),
        _ => Reply::json(&json!({"action": [0.0, 0.0, 0.0, 0.0]})),
    })
}

#[test]
fn a_server_that_says_that_it_is_unwell_is_bad_however_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    let settings = patient(folder.path());
    let look = |health: Value, more: &[&str]| {
        let server = saying(health);
        doctor(&server.url(""), &["--local", "--config", &settings]).args(more).output().unwrap()
    };
    let output = look(json!({"status": "healthy", "model_loaded": false}), &["--json"]);
    let (check, bad) = seen(&output);
    assert_eq!((output.status.code(), bad), (Some(1), vec!["health".to_owned()]), "{check}");
    assert!(check["findings"].to_string().contains("its model is not loaded; wait, or look at its log"), "{check}");
    let output = look(json!({"status": "unhealthy"}), &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && text.contains("health: it says \"unhealthy\" of itself"), "{text}");
}
