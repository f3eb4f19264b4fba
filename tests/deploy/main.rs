//! From a project's folder to a claim that stands: `kinitro miner-deploy` as a process, against a model hub on loopback, a
//! policy's server and a development chain behind a node. And `kinitro doctor --miner`, which looks at the server alone.

#[path = "../support/loopback.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod loopback;
#[path = "../support/model_hub.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod model_hub;
#[path = "../stage/process.rs"]
#[allow(dead_code, reason = "stages for whole cycles use the rest")]
mod process;
#[path = "../stage/served_chain.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod served_chain;

mod doctor_miner;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kinitro::beacon::OperatorKey;
use loopback::{Loopback, Reply};
use model_hub::{ModelHub, sha};
use process::{PATIENCE, Process, kinitro};
use serde_json::{Value, json};
use served_chain::ServedChain;

/// Neither may stand anywhere.
const SECRETS: [&str; 2] = ["hf_never_to_be_seen", "cpk_never_to_be_seen"];

/// A miner with everything it needs.
struct Miner {
    chain: ServedChain,
    hub: ModelHub,
    server: Process,
    url: String,
}

fn mock_miner(policy: &str) -> (Process, String) {
    let mut server = Process::start(kinitro().args(["mock-miner", "--policy", policy, "--listen", "127.0.0.1:0"]));
    let url = server.url().split_whitespace().next().unwrap().to_owned();
    (server, url)
}

impl Miner {
    fn start() -> Miner {
        let chain = ServedChain::start(
            "[chain]\ndev_block_time_ms = 40\n[log]\nfilter = \"warn\"\n\
             [contest]\nmax_steps = 30\ncameras = []\n\
             [contest.limits]\nact_timeout_ms = 60000\nreset_timeout_ms = 60000\n\
             [contest.deployment]\nallow_private_endpoints = true\n",
        );
        chain.dev_chain(&["write-hotkey", "--wallet-name", "miner"]);
        let hotkey = OperatorKey::dev("miner/default").hotkey().to_string();
        chain.dev_chain(&["register", "--hotkey", &hotkey]);
        chain.dev_chain(&["advance", "5"]);
        let project = chain.folder.path().join("project");
        fs::create_dir(&project).unwrap();
        fs::write(project.join("policy.py"), "class RobotPolicy: pass\n").unwrap();
        fs::write(project.join("policy.safetensors"), [7; 3_000]).unwrap();
        let (server, url) = mock_miner("zero");
        Miner { chain, hub: ModelHub::start(), server, url }
    }

    fn project(&self) -> PathBuf {
        self.chain.folder.path().join("project")
    }

    /// The command without a platform.
    fn bare(&self, wallet: &str, more: &[&str]) -> Command {
        let mut command = self.chain.remote("miner-deploy", wallet);
        command.args(["--repo", "alice/policy", "--episodes", "1"]).arg("--path").arg(self.project()).args(more);
        command.env("HF_ENDPOINT", self.hub.api.url("")).env("HF_TOKEN", SECRETS[0]);
        command.env("CHUTES_API_KEY", SECRETS[1]);
        command
    }

    /// The command with the server of its own.
    fn command(&self, more: &[&str]) -> Command {
        let mut command = self.bare("miner", more);
        command.args(["--url", &self.url]);
        command
    }

    fn deploy(&self, more: &[&str]) -> (Output, Value) {
        let output = self.command(more).arg("--json").output().unwrap();
        self.assert_nothing_is_told(&output);
        let shown = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output, shown)
    }

    fn slot(&self) -> Value {
        let shown = self.chain.remote("show-commitment", "miner").arg("--json").output().unwrap();
        assert!(shown.status.success(), "{shown:?}");
        serde_json::from_slice(&shown.stdout).unwrap()
    }

    fn assert_nothing_is_told(&self, output: &Output) {
        let said = [output.stdout.clone(), output.stderr.clone()].concat();
        let mut texts = vec![String::from_utf8_lossy(&said).into_owned()];
        texts.extend(files_below(&self.project()).iter().map(|file| fs::read_to_string(file).unwrap_or_default()));
        for text in texts {
            assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "a secret was told: {text}");
        }
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn states(shown: &Value) -> Vec<&str> {
    shown["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

fn wait_for_error_line(process: &mut Process, needle: &str) {
    let started = Instant::now();
    while process.err.find(needle).is_none() {
        assert!(process.is_alive() && started.elapsed() < PATIENCE, "no {needle:?}: {}", process.text());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_folder_becomes_a_claim_and_the_second_run_finds_all_of_it_done() {
    let mut miner = Miner::start();
    let (planned, shown) = miner.deploy(&["--dry-run"]);
    assert!(planned.status.success(), "{planned:?}");
    assert_eq!(states(&shown)[..2], ["done", "planned"], "the folder is looked at");
    assert!(miner.hub.api.asked().is_empty() && !miner.project().join(".kinitro").exists());
    assert_eq!(miner.slot()["kind"], "empty");

    let (done, shown) = miner.deploy(&[]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(states(&shown), ["done"; 6]);
    assert_eq!((&shown["revision"], &shown["claim_id"]), (&json!(sha(2)), &json!(miner.url)));
    let is_warned = |output: &Output| String::from_utf8_lossy(&output.stderr).contains("--claim-first closes that");
    assert!(is_warned(&done), "{done:?}");
    let slot = miner.slot();
    assert_eq!((&slot["kind"], &slot["repo"]), (&json!("claim"), &json!("alice/policy")));
    assert_eq!((&slot["revision"], &slot["deployment"]), (&json!(sha(2)), &json!(miner.url)));

    let (again, shown) = miner.deploy(&[]);
    assert!(again.status.success(), "{again:?}");
    assert!(!is_warned(&again), "it is not new any more");
    // Nobody knows what runs behind a plain URL, so that is played again.
    assert_eq!(states(&shown), ["done", "already", "already", "done", "done", "already"]);
    assert_eq!(miner.slot()["committed_in_block"], slot["committed_in_block"]);
    assert_eq!(miner.hub.held().commits.len(), 1);

    assert!(miner.server.kill_nine());
    fs::write(miner.project().join("policy.py"), "class RobotPolicy: ...\n").unwrap();
    let (down, shown) = miner.deploy(&[]);
    assert_eq!(down.status.code(), Some(1));
    assert_eq!(states(&shown), ["done", "done", "done", "failed", "not_reached", "not_reached"]);
    let text = shown["error"].as_str().unwrap();
    assert!(text.contains("does the server run") && text.contains("kinitro doctor --miner"), "{text}");
    let for_people = miner.command(&["--skip-upload"]).output().unwrap();
    miner.assert_nothing_is_told(&for_people);
    let text = String::from_utf8_lossy(&for_people.stderr);
    assert!(text.contains("go on with: kinitro miner-deploy") && text.contains("--skip-upload"), "{text}");
}

#[test]
fn a_run_that_is_killed_goes_on_where_it_was() {
    let miner = Miner::start();
    for line in ["playing a few episodes", "sending the claim"] {
        let mut run = Process::start(&mut miner.command(&[]));
        wait_for_error_line(&mut run, line);
        run.kill_nine();
    }
    let (done, shown) = miner.deploy(&[]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(states(&shown)[1..3], ["already", "already"]);
    let slot = miner.slot();
    assert_eq!((&slot["kind"], &slot["revision"]), (&json!("claim"), &json!(sha(2))));
    assert_eq!(miner.hub.held().commits.len(), 1);
    let state: Value =
        serde_json::from_slice(&fs::read(miner.project().join(".kinitro/deploy.json")).unwrap()).unwrap();
    assert_eq!(state["deployed"]["revision"], sha(2));
}

#[test]
fn who_is_not_registered_pays_for_nothing() {
    let miner = Miner::start();
    miner.chain.dev_chain(&["write-hotkey", "--wallet-name", "stranger"]);
    let output = miner.bare("stranger", &["--json", "--url", &miner.url]).output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert!(shown["error"].as_str().unwrap().contains("is not registered"), "{shown}");
    assert_eq!((&shown["steps"][0]["step"], &shown["steps"][0]["state"]), (&json!("registration"), &json!("failed")));
    assert_eq!(states(&shown)[1..], ["not_reached"; 6]);
    assert!(!output.status.success() && miner.hub.api.asked().is_empty(), "{shown}");
    let mut without_token = miner.command(&[]);
    without_token.env_remove("HF_TOKEN").env("HOME", miner.chain.folder.path());
    process::assert_refused("an upload without a token", &without_token.output().unwrap(), 1, &["HF_TOKEN"]);
}

#[test]
fn what_nobody_may_see_or_take_is_refused_before_the_hub_is_asked() {
    let miner = Miner::start();
    let key = miner.project().join("key");
    fs::write(&key, "bearer_never_to_be_seen").unwrap();
    let coldkey = miner.project().join("coldkey.txt");
    fs::write(&coldkey, "REPLACE-WITH-THE-SS58-ADDRESS-OF-YOUR-COLDKEY\n").unwrap();
    for more in [&["--dry-run"][..], &[]] {
        let (refused, shown) = miner.deploy(more);
        let text = shown["error"].as_str().unwrap();
        assert!(!refused.status.success() && text.contains("coldkey.txt") && text.contains("ss58"), "{text}");
        assert_eq!((states(&shown)[0], miner.hub.api.asked().len()), ("failed", 0));
    }
    fs::remove_file(coldkey).unwrap();
    let (_, shown) = miner.deploy(&["--dry-run", "--bearer-file", key.to_str().unwrap()]);
    let text = shown["error"].as_str().unwrap();
    assert!(text.starts_with("key is the file of a token or key") && text.contains("--exclude"), "{text}");
    let wallet = miner.project().join("wallets/main/hotkeys");
    fs::create_dir_all(&wallet).unwrap();
    fs::copy(miner.chain.wallets().join("miner/hotkeys/default"), wallet.join("default")).unwrap();
    fs::remove_file(&key).unwrap();
    let (passed, shown) = miner.deploy(&["--dry-run"]);
    assert!(passed.status.success(), "wallets are left out: {shown}");
    fs::rename(wallet.join("default"), &key).unwrap();
    let (_, shown) = miner.deploy(&["--dry-run"]);
    assert!(shown["error"].as_str().unwrap().starts_with("key holds the secret of a wallet's key"), "{shown}");
    fs::write(&key, SECRETS[1]).unwrap();
    let output = miner.command(&["--dry-run", "--json"]).output().unwrap();
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = shown["error"].as_str().unwrap();
    assert!(text.starts_with("key holds a token") && !text.contains(SECRETS[1]), "{text}");
}

#[test]
fn what_the_contest_would_refuse_stops_before_anything_is_sent() {
    let miner = Miner::start();
    let (warned, _) = miner.deploy(&["--dry-run"]);
    let said = String::from_utf8_lossy(&warned.stderr).into_owned();
    assert!(
        warned.status.success() && said.contains("weights_malformed") && said.contains("coldkey_missing"),
        "{said}"
    );
    let config = miner.chain.folder.path().join("kinitro.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, settings + "[contest.repository]\nmin_stake_rao = 5\n").unwrap();
    for more in [&["--dry-run"][..], &[], &["--claim-first"]] {
        let (refused, shown) = miner.deploy(more);
        let text = shown["error"].as_str().unwrap();
        let codes = ["weights_malformed", "coldkey_missing", "stake_too_low: 0 rao", "kinitro admit --path"];
        assert!(codes.iter().all(|code| text.contains(code)), "{text}");
        assert_eq!((&shown["steps"][0]["step"], states(&shown)[0]), (&json!("admission"), "failed"));
        assert!(!refused.status.success() && miner.hub.api.asked().is_empty(), "{shown}");
    }
}

#[test]
fn weights_that_only_the_repository_has_stop_a_run_before_it_pays() {
    let miner = Miner::start();
    let config = miner.chain.folder.path().join("kinitro.toml");
    let settings = fs::read_to_string(&config).unwrap();
    fs::write(&config, settings + "[contest.repository]\ncoldkey_file = false\n").unwrap();
    let header = br#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    let tensors = [&(header.len() as u64).to_le_bytes()[..], header, &[7; 8]].concat();
    fs::write(miner.project().join("policy.safetensors"), tensors).unwrap();
    miner.hub.held().head = Some(1);
    miner.hub.held().small.insert("old.onnx".into(), b"weights".to_vec());
    let short = ["--skip-evaluation", "--skip-commit"];
    let (stopped, shown) = miner.deploy(&short);
    let text = shown["error"].as_str().unwrap();
    assert!(text.contains("old.onnx") && text.contains("--prune"), "{text}");
    assert_eq!((states(&shown)[..3].to_vec(), stopped.status.code()), (vec!["done", "failed", "not_reached"], Some(1)));
    let (pruned, shown) = miner.deploy(&[&short[..], &["--prune"]].concat());
    assert!(pruned.status.success() && !miner.hub.held().small.contains_key("old.onnx"), "{shown}");

    // What nobody sees is not claimed, unless that is meant.
    miner.hub.held().private = true;
    let (unseen, shown) = miner.deploy(&["--skip-evaluation"]);
    assert!(shown["error"].as_str().unwrap().contains("alice/policy is private"), "{shown}");
    assert_eq!((states(&shown).last(), unseen.status.code()), (Some(&"failed"), Some(1)));
    assert_eq!(miner.slot()["kind"], json!("empty"));
}

#[test]
fn a_key_that_another_platform_needs_is_not_asked_for() {
    let miner = Miner::start();
    let mut command = miner.command(&["--dry-run"]);
    command.env_remove("CHUTES_API_KEY").env("CHUTES_API_KEY_FILE", "/no/such/file");
    let planned = command.output().unwrap();
    assert!(planned.status.success(), "{planned:?}");
    let useless = miner.bare("miner", &["--claim-first", "--skip-deploy"]).output().unwrap();
    let said = String::from_utf8_lossy(&useless.stderr).into_owned();
    assert!(!useless.status.success() && said.contains("leave out --skip-deploy"), "{said}");
    assert!(miner.hub.api.asked().is_empty());
}

#[test]
fn a_claim_that_comes_first_stands_before_anybody_sees_the_repository() {
    let miner = Miner::start();
    miner.hub.fail("PUT", "/settings", Reply::status(403));
    let (refused, shown) = miner.deploy(&["--claim-first"]);
    let failed = [vec!["done"; 3], vec!["failed"], vec!["not_reached"; 3]].concat();
    assert_eq!((states(&shown), refused.status.code()), (failed, Some(1)), "{shown}");
    assert_eq!(shown["claim_id"], json!(miner.url));
    assert!(miner.hub.held().private, "what is not claimed is seen by nobody");
    let slot = miner.slot();
    assert_eq!(
        (&slot["kind"], &slot["revision"], &slot["deployment"]),
        (&json!("claim"), &json!(sha(2)), &json!(miner.url))
    );

    let (done, shown) = miner.deploy(&["--claim-first"]);
    assert!(done.status.success() && !miner.hub.held().private, "{done:?}");
    assert_eq!(states(&shown), ["done", "already", "already", "done", "done", "done", "done"]);
    assert_eq!(miner.slot()["committed_in_block"], slot["committed_in_block"]);
    let (again, shown) = miner.deploy(&["--claim-first"]);
    assert!(again.status.success() && states(&shown)[1..4] == ["already"; 3], "{again:?}");

    fs::write(miner.project().join("policy.py"), "class RobotPolicy: ...\n").unwrap();
    let (refused, shown) = miner.deploy(&["--claim-first"]);
    let text = shown["error"].as_str().unwrap();
    assert!(!refused.status.success() && text.contains("alice/policy is public"), "{text}");
    assert_eq!(miner.hub.held().commits.len(), 1);
}

/// The program `chutes` cannot run here: a script stands in for it.
#[test]
fn chutes_is_deployed_to_and_its_slug_is_claimed() {
    let miner = Miner::start();
    let folder = miner.chain.folder.path().join("chutes");
    fs::create_dir(&folder).unwrap();
    fs::write(miner.project().join("chute.py"), "chute = ...\n").unwrap();
    let script = format!(
        "#!/bin/sh\nread answer\nenv >>{0}/environment\ncase $1 in build) echo 'built and pushed' >{0}/image;; \
         deploy) echo $HF_REVISION | cut -c1-12 >{0}/chute;; esac\necho key ${{CHUTES_API_KEY:-none}}\n",
        folder.display()
    );
    fs::write(folder.join("stand-in"), script).unwrap();
    fs::set_permissions(folder.join("stand-in"), fs::Permissions::from_mode(0o755)).unwrap();
    let state = folder.clone();
    let service = Loopback::serve(move |asked| {
        let known = |name: &str| fs::read_to_string(state.join(name)).ok().map(|text| text.trim().to_owned());
        let answer = match asked.path() {
            path if path.starts_with("/images/alice/alice-kinitro-policy:") => {
                known("image").map(|status| json!({"status": status}))
            }
            "/chutes/alice-kinitro-policy" => known("chute")
                .map(|tag| json!({"chute_id": "id-1", "slug": "alice-slug", "hot": true, "image": {"tag": tag}})),
            other => panic!("{other}"),
        };
        answer.map_or_else(|| Reply::status(404), |answer| Reply::json(&answer))
    });
    let command = |more: &[&str]| {
        let mut command = miner.bare("miner", &[&["--skip-evaluation", "--json"], more].concat());
        command.arg("--chutes-program").arg(folder.join("stand-in"));
        command.env("CHUTES_API_URL", service.url("")).env("CHUTE_USER", "alice");
        command.output().unwrap()
    };
    let refused = command(&["--claim-first"]);
    let shown: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!((&shown["steps"][0]["step"], miner.hub.api.asked().len()), (&json!("deployment"), 0), "{shown}");
    assert!(shown["error"].as_str().unwrap().contains("nobody knows what the claim has to name"), "{shown}");
    let output = command(&[]);
    miner.assert_nothing_is_told(&output);
    assert!(output.status.success(), "{output:?}");
    let shown: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(states(&shown), ["done", "done", "done", "skipped", "skipped", "done"]);
    assert_eq!(shown["claim_id"], "alice-slug");
    assert_eq!(miner.slot()["deployment"], "alice-slug");
    let environment = fs::read_to_string(folder.join("environment")).unwrap();
    assert!(environment.contains("HF_REPO=alice/policy") && SECRETS.iter().all(|secret| !environment.contains(secret)));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("key none"), "{said}");

    let mut push = kinitro();
    push.args(["chutes-push", "--repo", "alice/policy", "--revision", &sha(2), "--path"]).arg(miner.project());
    push.arg("--chutes-program").arg(folder.join("stand-in"));
    push.env("CHUTES_API_URL", service.url("")).env("CHUTE_USER", "alice").env("CHUTES_API_KEY", SECRETS[1]);
    let pushed = push.output().unwrap();
    miner.assert_nothing_is_told(&pushed);
    let text = String::from_utf8_lossy(&pushed.stdout);
    assert!(pushed.status.success() && text.contains("--chute-id alice-slug"), "{pushed:?}");
    push.env_remove("CHUTES_API_KEY");
    let refused = push.output().unwrap();
    process::assert_refused("a push without a key", &refused, 1, &["CHUTES_API_KEY"]);
}
