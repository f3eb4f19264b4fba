//! The sections of the settings file. Every field says its default, what unset means, and its danger.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{BlockHash, Contest, Hotkey};
use crate::replay::Sample;

/// All settings of an appliance: a TOML file, overridden by environment variables, overridden by flags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where things are kept.
    pub storage: StorageSettings,
    /// Which chain and which key.
    pub chain: ChainSettings,
    /// What is asked of the miners. Changing it starts a new series: scores before and after do not compare.
    pub contest: Contest,
    /// The REST API.
    pub api: ApiSettings,
    /// Cycles.
    pub scheduler: SchedulerSettings,
    /// Episodes.
    pub executor: ExecutorSettings,
    /// Weights on the chain.
    pub validator: ValidatorSettings,
    /// Log lines.
    pub log: LogSettings,
}

/// Where things are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// Folder of the database, the transcripts and the development chain. Default `data` in the working
    /// folder. Holds every acknowledged result: put it on a disk that is backed up.
    pub data_dir: PathBuf,
    /// MetaWorld's wheel, `metaworld-3.1.1-py3-none-any.whl`. Unset: the variable KINITRO_ASSETS, then
    /// `vendor/metaworld` of the source tree, then `../share/kinitro` beside the program.
    pub assets: Option<PathBuf>,
}

impl Default for StorageSettings {
    fn default() -> Self {
        StorageSettings { data_dir: PathBuf::from("data"), assets: None }
    }
}

/// Which chain and which key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChainSettings {
    /// `dev`, the development chain kept in a file; `finney`, `archive` (finney through a node that keeps all old
    /// states), `test` or `local` (a node on this machine); or the address of a node (`ws://…`, `wss://…`).
    /// Default `dev`. Its beacon is public: scores made on it prove nothing about secrecy of seeds.
    pub network: String,
    /// Nodes to ask in place of the network's own, the preferred one first; when one fails the next one is asked.
    /// Default none.
    pub endpoints: Vec<String>,
    /// Genesis hash of the chain. Nodes of another chain are never read. Unset: that of finney is known; on any other
    /// network nothing is signed.
    pub genesis: Option<BlockHash>,
    /// File of the hotkey itself, as btcli writes it. Unset: where `wallet_path` is unset too, the credential `hotkey` of the
    /// service manager if it gives one; else the wallet's. The development chain needs none.
    pub hotkey_file: Option<PathBuf>,
    /// Folder of the wallets. Unset: `~/.bittensor/wallets`. The development chain needs none.
    pub wallet_path: Option<PathBuf>,
    /// Refuse a hotkey file that others may use. Default off: such a file is only logged.
    pub strict_wallet: bool,
    /// Number of the subnet. Default 2.
    pub netuid: u16,
    /// Name of the wallet. Default `default`.
    pub wallet_name: String,
    /// Name of the hotkey in that wallet. Default `default`. On the development chain the key is derived
    /// from the two names, so everybody can know it.
    pub hotkey_name: String,
    /// File of the development chain. Unset: `dev-chain.db` in the data folder.
    pub dev_chain: Option<PathBuf>,
    /// Time from block to block on the development chain. Default 1,000 ms. With 0 the chain stands still until
    /// somebody advances it.
    pub dev_block_time_ms: u64,
}

impl Default for ChainSettings {
    fn default() -> Self {
        ChainSettings {
            network: "dev".into(),
            endpoints: Vec::new(),
            genesis: None,
            hotkey_file: None,
            wallet_path: None,
            strict_wallet: false,
            netuid: 2,
            wallet_name: "default".into(),
            hotkey_name: "default".into(),
            dev_chain: None,
            dev_block_time_ms: 1_000,
        }
    }
}

/// The REST API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// Address to listen on. Default `127.0.0.1:8000`.
    pub listen: SocketAddr,
    /// Let executors in without a key. Default off; refused on any address but loopback.
    pub no_auth: bool,
    /// How long an executor keeps a task without a heartbeat. Default 60,000 ms. Shorter finds crashed executors
    /// sooner, and takes tasks from slow networks.
    pub lease_ms: u64,
    /// Connections served at once. Default 1,024; further ones are told to come back later (503).
    pub max_connections: usize,
    /// Connections served at once for one address. Default 64.
    pub max_connections_per_address: usize,
}

impl Default for ApiSettings {
    fn default() -> Self {
        ApiSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            no_auth: false,
            lease_ms: 60_000,
            max_connections: 1024,
            max_connections_per_address: 64,
        }
    }
}

/// Cycles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchedulerSettings {
    /// Seconds from the start of one cycle to the start of the next. Default 3,600. A cycle that takes
    /// longer is finished first.
    pub eval_interval_s: u64,
    /// Stop after this many cycles. Unset: go on for ever.
    pub max_cycles: Option<u64>,
    /// Longest time of a cycle; what is not done then is left out for all miners. Default 21,600 s.
    pub cycle_timeout_s: u64,
    /// How often progress is looked at. Default 500 ms.
    pub poll_interval_ms: u64,
    /// Run the known-good probe in each cycle and freeze the scores of a cycle in which it fails.
    /// Default on. Without it a broken executor looks like a bad miner.
    pub probe: bool,
    /// Write each manifest's digest to the operator's own commitment slot, so that history cannot be
    /// rewritten quietly. Default on.
    pub publish_digest_on_chain: bool,
    /// Address of the hub of model repositories, read where `[contest.repository]` asks for it. Unset: the variable
    /// HF_ENDPOINT, then `https://huggingface.co`.
    pub hub_endpoint: Option<String>,
    /// Longest time in which the repositories of a cycle's claims are read. What is not read then is read on for the next
    /// cycle, in which its miner takes part. Default 3,600 s.
    pub admission_time_s: u64,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        SchedulerSettings {
            eval_interval_s: 3_600,
            max_cycles: None,
            cycle_timeout_s: 21_600,
            poll_interval_ms: 500,
            probe: true,
            publish_digest_on_chain: true,
            hub_endpoint: None,
            admission_time_s: 3_600,
        }
    }
}

/// Episodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutorSettings {
    /// Name of this executor, 1 to 64 letters, digits, `.`, `_` or `-`. Default `executor`. Two executors
    /// of one name would renew each other's leases.
    pub id: String,
    /// Where tasks come from. Default `http://127.0.0.1:8000`. Not used by the daemon's own executor.
    pub api_url: String,
    /// File that holds this executor's API key. Unset: the variable KINITRO_API_KEY, else the credential `api-key` of the
    /// service manager, else none.
    pub api_key_file: Option<PathBuf>,
    /// Episodes in flight at once; most of the time they wait for a remote policy. Default 128.
    pub max_in_flight: usize,
    /// Threads for physics. Default 0: one per core.
    pub physics_threads: usize,
    /// How long a failure that could be ours waits for others like it before it is judged. Default 5,000 ms.
    pub fault_settle_ms: u64,
    /// Environments that this executor takes. Default empty: all.
    pub environments: Vec<crate::domain::EnvId>,
    /// File that holds the bearer credential sent to policies, for platforms that ask for one. Unset: the credential `bearer` of
    /// the service manager, else none.
    pub bearer_file: Option<PathBuf>,
}

impl Default for ExecutorSettings {
    fn default() -> Self {
        ExecutorSettings {
            id: "executor".into(),
            api_url: "http://127.0.0.1:8000".into(),
            api_key_file: None,
            max_in_flight: 128,
            physics_threads: 0,
            fault_settle_ms: 5_000,
            environments: Vec::new(),
            bearer_file: None,
        }
    }
}

/// Weights on the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidatorSettings {
    /// The operator's API. Default `http://127.0.0.1:8000`.
    pub backend_url: String,
    /// Seconds between looks for a new manifest. Default 60.
    pub poll_interval_s: u64,
    /// Episodes of a manifest whose physics and pictures are replayed before its weights are set: `all`, `none`, a number, or a
    /// share. Default `10%`.
    pub verify: Sample,
    /// Transcripts that are fetched and held against the manifest, seeds included; others are not replayed either. Default
    /// `all`.
    pub read: Sample,
    /// Threads of a verification, each with an engine of its own. Default 2.
    pub threads: usize,
    /// Whose manifests are believed, as an ss58 address. Unset: those of the hotkey that the chain names as the subnet's owner.
    pub operator: Option<Hotkey>,
    /// Send the same weights again when they have stood for so many blocks and no newer cycle came: a chain stops counting
    /// validators that were silent for long. Where three quarters of the subnet's own limit are fewer, these count. Default 3,600
    /// blocks, 12 hours on finney.
    pub refresh_after_blocks: u64,
    /// Set weights although the pictures that policies were shown could not be checked here, since another GL driver or another
    /// version of the renderer drew them. Default off. On, an operator can name a driver that nobody has and show policies
    /// anything.
    pub accept_unchecked_pictures: bool,
    /// The version key of the weights. Unset: this release's own, 1000 for each major version, 10 for each minor one and 1 for
    /// each patch. A subnet refuses keys below its own: then update, or name a key where the subnet counts the releases of
    /// another program.
    pub version_key: Option<u64>,
}

impl Default for ValidatorSettings {
    fn default() -> Self {
        ValidatorSettings {
            backend_url: "http://127.0.0.1:8000".into(),
            poll_interval_s: 60,
            verify: Sample::Percent(10.0),
            read: Sample::All,
            threads: 2,
            operator: None,
            refresh_after_blocks: 3_600,
            accept_unchecked_pictures: false,
            version_key: None,
        }
    }
}

/// Log lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// What is logged, in the syntax of tracing's filters. The libraries that speak to chain nodes write whole addresses,
    /// tokens included, so they only warn unless the filter names them (`jsonrpsee`, `soketto`, `subxt`). Default `info`.
    pub filter: String,
    /// `text` for people, `json` for collectors. Default `text`.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        LogSettings { filter: "info".into(), format: LogFormat::Text }
    }
}

/// Form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}
