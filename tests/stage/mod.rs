//! A stage for whole cycles: a development chain, mock miners in processes of their own, and settings for the roles.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod disk;
pub mod http;
pub mod process;
pub mod secrets;
pub mod served_chain;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use kinitro::admission::{ClaimText, encode_claim};
use kinitro::beacon::OperatorKey;
use kinitro::chain::{Chain, DevChain, DevChainSettings, Registration};
use kinitro::domain::{CycleId, EnvId, JobKind, Netuid, TaskId, Uid};
use kinitro::replay::SignedCycle;
use kinitro::transcript::EpisodeRow;

use process::{PATIENCE, Process, kinitro};

/// The subnet.
pub const NETUID: Netuid = Netuid(2);
/// Blocks after the last claim, so that the anchor is behind all claims.
const BLOCKS_BEFORE_ANCHOR: u64 = 10;

/// A miner: a name for its key and the arguments of `kinitro mock-miner`.
pub struct Miner {
    pub name: &'static str,
    pub key: OperatorKey,
    pub url: String,
    pub process: Process,
}

impl Miner {
    /// Starts one; all that are in `arguments` stand behind `kinitro mock-miner`.
    pub fn start(name: &'static str, arguments: &[&str]) -> Miner {
        let key = OperatorKey::dev(name);
        let mut command = kinitro();
        command.arg("mock-miner").args(arguments);
        command.args(["--listen", "127.0.0.1:0", "--hotkey", &key.hotkey().to_string()]);
        let mut process = Process::start(&mut command);
        let url = process.url();
        Miner { name, key, url, process }
    }
}

/// What a cycle is of, and how the roles work on it.
#[derive(Clone)]
pub struct Play {
    pub environments: &'static [&'static str],
    pub episodes: u32,
    pub max_steps: u32,
    pub lease_ms: u64,
    pub fault_settle_ms: u64,
    pub max_in_flight: u32,
    pub eval_interval_s: u64,
    pub probe: bool,
}

impl Default for Play {
    fn default() -> Self {
        Play {
            environments: &["metaworld/reach-v3", "metaworld/push-v3"],
            episodes: 2,
            // The experts succeed in both within this time.
            max_steps: 80,
            lease_ms: 1_500,
            fault_settle_ms: 1_000,
            max_in_flight: 8,
            eval_interval_s: 1_000_000,
            probe: true,
        }
    }
}

/// A data folder with its settings file and its chain.
pub struct Stage {
    folder: tempfile::TempDir,
    pub chain: DevChain,
    pub uids: Vec<Uid>,
}

impl Stage {
    /// Writes the settings, registers everybody and commits the claims of `miners`, each in a block of its own.
    /// Equal arguments give equal anchors, and so equal worlds.
    pub fn set(play: &Play, miners: &[Miner]) -> Stage {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("kinitro.toml"), settings(folder.path(), play)).unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let options = DevChainSettings { block_time_ms: 0, ..DevChainSettings::default() };
        let chain = DevChain::open(&folder.path().join("data/dev-chain.db"), &options).unwrap();
        let mut uids = Vec::new();
        for name in ["default/default", "default/validator"] {
            chain.register(NETUID, &Registration::validator(OperatorKey::dev(name).hotkey())).unwrap();
        }
        for miner in miners {
            uids.push(chain.register(NETUID, &Registration::miner(miner.key.hotkey())).unwrap());
            chain.advance(1).unwrap();
        }
        for miner in miners {
            let claim = ClaimText {
                repo: format!("stage/{}", miner.name),
                revision: hex::encode(&blake3::hash(miner.name.as_bytes()).as_bytes()[..20]),
                deployment: miner.url.clone(),
            };
            let data = encode_claim(&claim).unwrap();
            wait(chain.set_commitment(&miner.key, NETUID, &data)).unwrap();
            chain.advance(1).unwrap();
        }
        chain.advance(BLOCKS_BEFORE_ANCHOR).unwrap();
        Stage { folder, chain, uids }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn settings_file(&self) -> PathBuf {
        self.folder.path().join("kinitro.toml")
    }

    /// A role with the stage's settings.
    pub fn role(&self, role: &str) -> Command {
        let mut command = kinitro();
        command.arg(role).arg("--config").arg(self.settings_file());
        command
    }

    /// The hotkeys' uids, for looking into manifests.
    pub fn uid(&self, place: usize) -> Uid {
        self.uids[place]
    }

    /// What the validator has on the chain.
    pub fn weights_of_validator(&self) -> Vec<(Uid, u16)> {
        self.chain.advance(BLOCKS_BEFORE_ANCHOR).unwrap();
        let head = wait(self.chain.finalized_head()).unwrap();
        let neurons = wait(self.chain.neurons_at(NETUID, &head)).unwrap();
        let key = OperatorKey::dev("default/validator").hotkey();
        let uid = neurons.iter().find(|neuron| neuron.hotkey == key).unwrap().uid;
        wait(self.chain.weights_at(NETUID, uid, &head)).unwrap()
    }

    /// The stage's database, to be looked at only.
    pub fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.data().join("kinitro.sqlite3")).unwrap()
    }
}

fn settings(folder: &Path, play: &Play) -> String {
    let mut text = String::new();
    writeln!(text, "[storage]\ndata_dir = {:?}", folder.join("data").to_str().unwrap()).unwrap();
    writeln!(text, "[chain]\nnetuid = {NETUID}\ndev_block_time_ms = 0").unwrap();
    writeln!(text, "[api]\nlisten = \"127.0.0.1:0\"\nlease_ms = {}", play.lease_ms).unwrap();
    writeln!(text, "[scheduler]\neval_interval_s = {}\npoll_interval_ms = 20", play.eval_interval_s).unwrap();
    writeln!(text, "probe = {}", play.probe).unwrap();
    writeln!(text, "[executor]\nmax_in_flight = {}", play.max_in_flight).unwrap();
    writeln!(text, "fault_settle_ms = {}", play.fault_settle_ms).unwrap();
    writeln!(text, "[contest]\nenvironments = {:?}", play.environments).unwrap();
    writeln!(text, "episodes_per_env = {}\nmax_steps = {}", play.episodes, play.max_steps).unwrap();
    // Drawing takes most of an episode's time; tests/demo.rs and tests/pictures_cli.rs have cameras.
    writeln!(text, "cameras = []").unwrap();
    // A busy machine must not cost an honest miner a step.
    writeln!(text, "[contest.limits]\nact_timeout_ms = 20000\nreset_timeout_ms = 30000").unwrap();
    writeln!(text, "reset_retry_pause_ms = 100").unwrap();
    writeln!(text, "[contest.scoring]\nstrategy = {{ name = \"first_commit\" }}").unwrap();
    writeln!(text, "[contest.deployment]\nallow_private_endpoints = true").unwrap();
    text
}

/// Runs a future of the chain to its end.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Looks until `look` finds something.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// The manifest of a completed cycle.
pub fn manifest(url: &str, cycle: u64) -> Option<SignedCycle> {
    match http::request("GET", &format!("{url}/v1/cycles/{cycle}/manifest"), &[], b"") {
        Ok((200, body)) => Some(SignedCycle::from_json(&body).unwrap()),
        _ => None,
    }
}

/// A cycle's rows by what they are of; no two are of the same.
pub fn rows(signed: &SignedCycle) -> BTreeMap<(EnvId, u32, Uid), EpisodeRow> {
    let rows = signed.manifest.episodes.iter();
    let by_key: BTreeMap<_, _> = rows.map(|row| ((row.environment.clone(), row.index, row.uid), row.clone())).collect();
    assert_eq!(by_key.len(), signed.manifest.episodes.len(), "an episode stands twice in the manifest");
    by_key
}

/// The task behind a row.
pub fn task_of(cycle: CycleId, row: &EpisodeRow) -> String {
    TaskId::of(cycle, JobKind::Rollout, &row.hotkey, &row.environment, row.index).to_string()
}
