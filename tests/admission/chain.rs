//! `kinitro admit --hotkey`: owner and stake of a hotkey come from the chain.

use std::path::PathBuf;

use assert_cmd::Command;
use kinitro::beacon::{OperatorKey, dev_genesis};
use kinitro::chain::{DevChain, DevChainSettings, DevNode, DevNodeSettings, DevRuntime, Registration};
use kinitro::domain::{Hotkey, Netuid};
use serde_json::Value;

use crate::fake_hub::{ALICE, Content, FakeHub, REPO, SHA};

const NETUID: u16 = 7;
const MIN_STAKE_RAO: u64 = 10;

/// A hub with ALICE's repository, and the development chain of a data folder, whose blocks come by hand.
struct Site {
    folder: tempfile::TempDir,
    hub: FakeHub,
    chain: DevChain,
}

impl Site {
    /// With the chain's file at this place in the folder.
    fn with_chain_at(file: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let settings = DevChainSettings { block_time_ms: 0, ..DevChainSettings::default() };
        let chain = DevChain::open(&path, &settings).unwrap();
        let toml = format!(
            "[storage]\ndata_dir = {:?}\n[chain]\nnetuid = {NETUID}\ndev_block_time_ms = 0\ndev_chain = {path:?}\n\
             [contest.repository]\nmin_stake_rao = {MIN_STAKE_RAO}\n",
            folder.path().join("data")
        );
        std::fs::write(folder.path().join("kinitro.toml"), toml).unwrap();
        Site { folder, hub: FakeHub::of(Content::good()), chain }
    }

    fn new() -> Site {
        Site::with_chain_at("data/dev-chain.db")
    }

    /// Registers a hotkey in a final block.
    fn register(&self, name: &str, coldkey: Hotkey, stake_rao: u64) -> Hotkey {
        let hotkey = OperatorKey::dev(name).hotkey();
        let registration = Registration { coldkey: Some(coldkey), stake_rao, ..Registration::miner(hotkey) };
        self.chain.register(Netuid(NETUID), &registration).unwrap();
        self.chain.advance(3).unwrap();
        hotkey
    }

    /// Runs `kinitro admit`; the exit code and what it printed.
    fn admit(&self, hotkey: Hotkey, more: &[&str]) -> (i32, String) {
        let mut command = Command::cargo_bin("kinitro").unwrap();
        command.env("HF_ENDPOINT", self.hub.hub.url("")).env("XDG_CACHE_HOME", self.folder.path());
        command.args(["admit", &format!("{REPO}@{SHA}"), "--hotkey", &hotkey.to_string(), "--config"]);
        let output = command.arg(self.config()).args(more).output().unwrap();
        let printed = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), printed)
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("kinitro.toml")
    }
}

fn alice() -> Hotkey {
    ALICE.parse().unwrap()
}

fn rule(printed: &str, name: &str) -> Value {
    // Behind it may stand lines of the log.
    let shown = serde_json::Deserializer::from_str(printed).into_iter::<Value>().next();
    let shown = shown.and_then(Result::ok).unwrap_or_else(|| panic!("{printed}"));
    let rules = shown["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["rule"] == name).unwrap_or_else(|| panic!("{printed}")).clone()
}

#[test]
fn the_owner_and_the_stake_that_the_chain_knows_are_good() {
    let site = Site::new();
    let hotkey = site.register("miner", alice(), MIN_STAKE_RAO);
    let (code, printed) = site.admit(hotkey, &["--json"]);
    assert_eq!(code, 0, "{printed}");
    let coldkey = rule(&printed, "coldkey.txt");
    assert_eq!((&coldkey["finding"], &coldkey["text"]), (&"good".into(), &format!("names {ALICE}").into()));
    assert_eq!(rule(&printed, "stake")["text"], "10 rao");
    let (_, printed) = site.admit(hotkey, &[]);
    assert!(printed.contains("nothing stands against it"), "{printed}");
}

#[test]
fn a_hotkey_of_somebody_else_and_too_little_stake_are_refused_at_once() {
    let site = Site::new();
    let other = OperatorKey::dev("another coldkey").hotkey();
    let hotkey = site.register("miner", other, MIN_STAKE_RAO - 1);
    let (code, printed) = site.admit(hotkey, &["--json"]);
    assert_eq!(code, 1, "{printed}");
    let coldkey = rule(&printed, "coldkey.txt");
    assert_eq!((&coldkey["code"], &coldkey["evidence"]), (&"coldkey_mismatch".into(), &ALICE.into()), "{printed}");
    assert!(coldkey["text"].as_str().unwrap().contains(&other.to_string()), "{coldkey}");
    let stake = rule(&printed, "stake");
    assert_eq!((&stake["code"], &stake["evidence"]), (&"stake_too_low".into(), &"9 rao".into()), "{printed}");
    assert!(stake["text"].as_str().unwrap().contains("10 rao"), "{stake}");
    // The one alone.
    let poor = site.register("poor", alice(), 0);
    let (code, printed) = site.admit(poor, &[]);
    assert!(code == 1 && printed.contains("stake_too_low: 0 rao") && !printed.contains("coldkey_"), "{printed}");
}

#[test]
fn who_is_not_registered_there_is_told_where_and_what_to_do() {
    let site = Site::new();
    let hotkey = site.register("miner", alice(), MIN_STAKE_RAO);
    let stranger = OperatorKey::dev("stranger").hotkey();
    let (code, printed) = site.admit(stranger, &[]);
    let said = format!("the hotkey {stranger} is not registered in subnet {NETUID}; register it");
    assert!(code == 2 && printed.contains(&said), "{printed}");
    let (code, printed) = site.admit(hotkey, &["--netuid", "8"]);
    assert!(code == 2 && printed.contains("subnet 8"), "{printed}");
    assert!(site.hub.hub.asked().is_empty(), "the repository was read for nothing");
    // A registration counts once its block is final.
    let late = OperatorKey::dev("late").hotkey();
    let registration = Registration { coldkey: Some(alice()), ..Registration::miner(late) };
    site.chain.register(Netuid(NETUID), &registration).unwrap();
    let (code, printed) = site.admit(late, &[]);
    assert!(code == 2 && printed.contains("is not registered"), "{printed}");
}

#[test]
fn a_chain_is_found_where_the_settings_have_it_and_never_made() {
    let site = Site::with_chain_at("elsewhere/chain.db");
    let hotkey = site.register("miner", alice(), MIN_STAKE_RAO);
    let (code, printed) = site.admit(hotkey, &["--json"]);
    assert_eq!((code, &rule(&printed, "coldkey.txt")["finding"]), (0, &"good".into()), "{printed}");
    assert!(!site.folder.path().join("data").exists());
    let nowhere = site.folder.path().join("nowhere");
    std::fs::write(site.config(), format!("[storage]\ndata_dir = {nowhere:?}\n")).unwrap();
    let (code, printed) = site.admit(hotkey, &[]);
    assert!(code == 2 && printed.contains("--network") && printed.contains("--coldkey"), "{printed}");
    assert!(!nowhere.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_tells_the_same() {
    let site = Site::new();
    let hotkey = site.register("miner", alice(), MIN_STAKE_RAO);
    let stranger = OperatorKey::dev("stranger").hotkey();
    let listen = "127.0.0.1:0".parse().unwrap();
    let settings = DevNodeSettings { listen, runtime: DevRuntime::recorded() };
    let node = DevNode::start(site.chain.clone(), settings).await.unwrap();
    let (endpoint, genesis) = (node.endpoint().to_string(), dev_genesis("dev").to_string());
    let asked = tokio::task::spawn_blocking(move || {
        let more = ["--network", &endpoint, "--genesis", &genesis, "--json"];
        let (code, printed) = site.admit(hotkey, &more);
        assert_eq!((code, &rule(&printed, "coldkey.txt")["finding"]), (0, &"good".into()), "{printed}");
        assert_eq!(rule(&printed, "stake")["text"], "10 rao", "{printed}");
        let (code, printed) = site.admit(stranger, &more);
        assert!(code == 2 && printed.contains("is not registered in subnet 7"), "{printed}");
    });
    asked.await.unwrap();
}
