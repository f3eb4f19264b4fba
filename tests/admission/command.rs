//! `kinitro admit` as a miner types it.

use std::path::Path;

use assert_cmd::Command;
use serde_json::{Value, json};

use crate::fake_hub::{ALICE, Content, FakeHub, REPO, SHA, safetensors};
use crate::loopback::{Loopback, Reply};

/// Another of Substrate's well-known development accounts.
const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// Runs `kinitro admit` at a hub; the exit code and what it printed.
fn admit(hub: &FakeHub, args: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("kinitro").unwrap();
    command.current_dir(folder.path()).env("HF_ENDPOINT", hub.hub.url("")).env("XDG_CACHE_HOME", folder.path());
    let output = command.arg("admit").args(args).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(printed).unwrap())
}

fn target() -> String {
    format!("{REPO}@{SHA}")
}

fn codes(printed: &str) -> Vec<String> {
    let shown: Value = serde_json::from_str(printed).unwrap();
    let rules = shown["rules"].as_array().unwrap().iter();
    rules.filter_map(|rule| rule["code"].as_str().map(str::to_owned)).collect()
}

#[test]
fn a_good_repository_passes_and_its_digest_is_shown() {
    let (code, printed) = admit(&FakeHub::of(Content::good()), &[&target(), "--coldkey", ALICE]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.contains("weights      ") && printed.contains("nothing stands against it"), "{printed}");
    assert!(!printed.contains("BAD"), "{printed}");
}

#[test]
fn a_bad_one_is_told_all_that_is_wrong_at_once() {
    let content = Content::good().without("coldkey.txt").with("old/model.bin", "x");
    let (code, printed) = admit(&FakeHub::of(content), &[&target(), "--coldkey", ALICE]);
    assert_eq!(code, 1, "{printed}");
    for said in ["weights_pickled: old/model.bin", "coldkey_missing", "delete it", "it would be refused"] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
    let hub = FakeHub::of(Content::good());
    let (code, printed) = admit(&hub, &[&target(), "--coldkey", BOB, "--endpoint", "http://127.0.0.1:1", "--json"]);
    assert_eq!((code, codes(&printed)), (1, vec!["deployment_not_allowed".into(), "coldkey_mismatch".into()]));
    let (code, printed) = admit(&hub, &["alice@main", "--coldkey", BOB, "--json"]);
    assert_eq!(code, 1);
    assert_eq!(codes(&printed)[0], "repo_malformed");
}

#[test]
fn what_could_not_be_checked_is_no_refusal() {
    let hub = FakeHub::of(Content::good().answering(Reply::status(404)));
    let (code, printed) = admit(&hub, &[&target(), "--coldkey", ALICE]);
    assert_eq!(code, 2, "{printed}");
    assert!(printed.contains("could not check"), "{printed}");
    let (code, printed) = admit(&hub, &[&target(), "--hotkey", ALICE]);
    assert!(code == 2 && printed.contains("--coldkey"), "{printed}");
}

#[test]
fn a_folder_is_judged_as_what_it_would_become() {
    let hub = FakeHub::of(Content::good());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("coldkey.txt", ALICE.as_bytes());
    write("any.safetensors", &safetensors("v", &[7; 4_000]));
    std::fs::create_dir(folder.path().join(".git")).unwrap();
    write(".git/pack.bin", b"x");
    let path = folder.path().to_str().unwrap();
    let (code, printed) = admit(&hub, &["--path", path, "--coldkey", ALICE, "--against", &target(), "--json"]);
    assert_eq!(code, 0, "{printed}");
    let shown: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(shown["against"]["equal"], true, "{printed}");
    assert_eq!(shown["against"]["weights"], shown["weights"]);
    write("more.safetensors", &safetensors("w", &[1; 4_000]));
    let (_, printed) = admit(&hub, &["--path", path, "--against", &target(), "--json"]);
    let shown: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(shown["against"]["percent_of_other"], 100, "{printed}");
    assert_eq!(shown["against"]["percent_of_this"], 50, "{printed}");
    write("any.safetensors", b"PK\x03\x04 no tensors in here");
    let (code, printed) = admit(&hub, &["--path", path, "--json"]);
    assert_eq!((code, codes(&printed)), (1, vec!["weights_malformed".into()]));
}

#[test]
fn the_endpoint_is_called_where_the_contest_allows_it() {
    let hub = FakeHub::of(Content::good());
    let policy = Loopback::serve(|asked| match asked.path() {
        "/health" => Reply::json(&json!({"encodings": ["json"]})),
        _ => Reply::json(&json!({"status": "ok"})),
    });
    let settings = tempfile::NamedTempFile::new().unwrap();
    let contest = "[contest.deployment]\nallow_private_endpoints = true\n[contest.limits]\nreset_retry_pause_ms = 1\n";
    std::fs::write(settings.path(), contest).unwrap();
    let asked = |url: &str| {
        let config = Path::new(settings.path()).to_str().unwrap().to_owned();
        admit(&hub, &[&target(), "--coldkey", ALICE, "--endpoint", url, "--config", &config, "--json"])
    };
    let (code, printed) = asked(&policy.url(""));
    assert_eq!((code, codes(&printed)), (0, vec![]), "{printed}");
    assert_eq!(policy.count("POST", "/reset"), 1);
    let (code, printed) = asked("http://127.0.0.1:1");
    assert_eq!((code, codes(&printed)), (1, vec!["endpoint_unhealthy".into()]));
    for (status, is_hinted) in [(401, true), (403, true), (500, false)] {
        let closed = Loopback::serve(move |_| Reply::status(status));
        let (code, printed) = asked(&closed.url(""));
        assert_eq!(code, i32::from(!is_hinted), "{printed}");
        assert_eq!(printed.contains("--bearer-file") && printed.contains("CHUTES_API_KEY"), is_hinted, "{printed}");
    }
}

#[test]
fn tensors_that_an_operator_knows_as_anothers_are_a_duplicate() {
    let hub = FakeHub::of(Content::good());
    let (_, printed) = admit(&hub, &[&target(), "--coldkey", ALICE, "--json"]);
    let shown: Value = serde_json::from_str(&printed).unwrap();
    let finding = |shown: &Value| {
        let rules = shown["rules"].as_array().unwrap();
        rules.iter().find(|rule| rule["rule"] == "duplicates").unwrap().clone()
    };
    assert_eq!(finding(&shown)["finding"], "not_asked");
    assert!(finding(&shown)["text"].as_str().unwrap().contains("--operator"), "{printed}");
    let weights = shown["weights"].as_str().unwrap().to_owned();
    let row = |weights: Value, code: &str| {
        json!({"cycle": {"id": 3}, "submissions": [{"uid": 4, "hotkey": BOB, "claim": null, "since": 77, "weights": weights,
               "verdict": "refused", "reasons": [{"code": code, "sentence": "", "evidence": ""}]}]})
    };
    let asked = |page: Value, own: &[&str]| {
        let operator = Loopback::serve(move |asked| match asked.path() {
            "/v1/submissions" => Reply::json(&page),
            other => panic!("{other}"),
        });
        let (target, url) = (target(), operator.url(""));
        let (code, printed) =
            admit(&hub, &[&[&target, "--coldkey", ALICE, "--operator", &url, "--json"], own].concat());
        (code, serde_json::from_str::<Value>(&printed).unwrap_or_else(|_| json!(printed)))
    };
    let (code, shown) = asked(row(json!(weights), "endpoint_unhealthy"), &["--hotkey", ALICE]);
    assert_eq!((code, &shown["admitted"]), (1, &json!(false)), "{shown}");
    assert_eq!(finding(&shown)["code"], "weights_duplicate");
    assert_eq!(finding(&shown)["evidence"], format!("{BOB} since block 77"));
    for (page, own, seen) in [
        (row(json!(weights), "endpoint_unhealthy"), BOB, "good"),
        (row(json!(weights), "coldkey_mismatch"), ALICE, "good"),
        (row(json!("07".repeat(32)), "not_due"), ALICE, "good"),
        (row(Value::Null, "not_due"), ALICE, "not_asked"),
    ] {
        let (code, shown) = asked(page, &["--hotkey", own]);
        assert_eq!((code, &finding(&shown)["finding"]), (0, &json!(seen)), "{shown}");
    }
    let (code, shown) = asked(json!({"submissions": 7}), &[]);
    assert!(code == 2 && shown.as_str().unwrap().contains("did not answer with the submissions"), "{shown}");
}

#[test]
fn a_branch_is_looked_up() {
    let hub = FakeHub::of(Content::good());
    let (code, printed) = admit(&hub, &[&format!("{REPO}@main"), "--coldkey", ALICE, "--json"]);
    let shown: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, shown["revision"].as_str()), (0, Some(SHA)), "{printed}");
}
