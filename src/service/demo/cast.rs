//! Who plays in the demo: six mock miners, each a process of its own.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::beacon::OperatorKey;
use crate::domain::{BlockHash, EnvId, Hotkey, Randomisation};

/// Longest time for a mock miner to come up; it opens the simulator first.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// What a mock miner prints before its address.
const ADDRESS_LINE: &str = "listening on ";

/// One role of the play.
#[derive(Debug, Clone)]
pub struct Part {
    /// What it is called in the tables.
    pub name: &'static str,
    /// Arguments of `kinitro mock-miner`.
    pub arguments: Vec<String>,
}

/// The six, in the order in which they commit.
pub fn parts(environments: &[EnvId], randomisation: Randomisation) -> Vec<Part> {
    let (first, second) = environments.split_at(environments.len().div_ceil(2));
    let policy = |name: &'static str, policy: &str| {
        let arguments = ["--policy", policy, "--randomisation", randomisation.name()].map(str::to_owned).to_vec();
        Part { name, arguments }
    };
    let specialist = |name: &'static str, envs: &[EnvId]| {
        let mut part = policy(name, "specialist");
        let envs: Vec<&str> = envs.iter().map(EnvId::as_str).collect();
        if envs.is_empty() {
            // With one environment there is nothing left to be a specialist in.
            return policy(name, "zero");
        }
        part.arguments.extend(["--envs".into(), envs.join(",")]);
        part
    };
    let mut noisy = policy("noisy 0.7", "noisy");
    noisy.arguments.extend(["--skill".into(), "0.7".into()]);
    vec![
        policy("expert", "expert"),
        noisy,
        specialist("specialist a", first),
        specialist("specialist b", second),
        policy("copy of expert", "expert"),
        policy("random", "random"),
    ]
}

/// A mock miner that is up.
pub struct Player {
    /// What it is called.
    pub name: &'static str,
    /// Who it is on the chain.
    pub hotkey: Hotkey,
    /// Its key.
    pub key: OperatorKey,
    /// Where it is called.
    pub url: String,
    /// Ends with this value.
    _process: Child,
}

/// Starts the mock miner of a part and waits until it listens.
///
/// # Errors
/// When the program cannot be started or does not come up.
pub async fn start(part: &Part, genesis: &BlockHash, program: &Path, assets: Option<&Path>) -> io::Result<Player> {
    let key = OperatorKey::dev(part.name);
    let hotkey = key.hotkey();
    let mut command = Command::new(program);
    command.arg("mock-miner").args(&part.arguments).args(["--listen", "127.0.0.1:0"]);
    command.args(["--hotkey", &hotkey.to_string(), "--genesis", &genesis.to_string()]);
    if let Some(assets) = assets {
        command.env("KINITRO_ASSETS", assets);
    }
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let output = process.stdout.take().expect("its output is piped");
    let mut lines = BufReader::new(output).lines();
    let listening = tokio::time::timeout(START_TIMEOUT, lines.next_line()).await;
    let line = listening.map_err(|_| io::Error::other(format!("mock miner {:?} did not come up", part.name)))??;
    let url = line.as_deref().and_then(|line| line.strip_prefix(ADDRESS_LINE)).map(str::to_owned);
    let url = url.ok_or_else(|| io::Error::other(format!("mock miner {:?} ended at once", part.name)))?;
    Ok(Player { name: part.name, hotkey, key, url, _process: process })
}
