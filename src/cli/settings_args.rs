//! The flags that stand above the settings file and the environment.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::domain::BlockHash;
use crate::service::settings::{self, Settings};

/// Flags common to all commands that use settings. Where a command has subcommands, they may stand behind these too.
#[derive(Debug, Clone, Args)]
pub struct SettingsArgs {
    /// Settings file (TOML); `kinitro check-config` tells what is wrong with one
    #[arg(global = true, long, value_name = "FILE", env = "KINITRO_CONFIG")]
    pub config: Option<PathBuf>,

    /// Folder of the database, the transcripts and the development chain
    #[arg(global = true, long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// Chain to use: dev, finney, archive, test, local, or the address of a node
    #[arg(global = true, long)]
    pub network: Option<String>,

    /// Number of the subnet
    #[arg(global = true, long)]
    pub netuid: Option<u16>,

    /// Genesis hash of the chain; finney's is known, on any other network nothing is signed without it
    #[arg(global = true, long, value_name = "HASH")]
    pub genesis: Option<BlockHash>,

    /// File of the hotkey itself, in place of a wallet's
    #[arg(global = true, long, value_name = "FILE", conflicts_with = "wallet_path")]
    pub hotkey_file: Option<PathBuf>,

    /// Folder of the wallets [default: ~/.bittensor/wallets]
    #[arg(global = true, long, value_name = "FOLDER")]
    pub wallet_path: Option<PathBuf>,

    /// Refuse a hotkey file that others may use
    #[arg(global = true, long)]
    pub strict: bool,

    /// Name of the wallet
    #[arg(global = true, long)]
    pub wallet_name: Option<String>,

    /// Name of the hotkey in that wallet
    #[arg(global = true, long)]
    pub hotkey_name: Option<String>,

    /// What is logged, for example `info` or `kinitro=debug`
    #[arg(global = true, long, value_name = "FILTER")]
    pub log: Option<String>,
}

impl SettingsArgs {
    /// The settings: file, then environment, then these flags, checked as a whole.
    ///
    /// # Errors
    /// All problems of the settings at once.
    pub fn load(&self) -> anyhow::Result<Settings> {
        self.load_with(|_| {})
    }

    /// The same with a command's own flags put over them by `flags` before they are checked.
    ///
    /// # Errors
    /// All problems of the settings at once.
    pub fn load_with(&self, flags: impl FnOnce(&mut Settings)) -> anyhow::Result<Settings> {
        let variable = |name: &str| self.flag_or_variable(name);
        let settings = settings::load(self.config.as_deref(), &variable, |settings| {
            if let Some(folder) = &self.data_dir {
                settings.storage.data_dir = folder.clone();
            }
            // One of the two on the command line stands above either in the file.
            if self.hotkey_file.is_some() || self.wallet_path.is_some() {
                settings.chain.hotkey_file = self.hotkey_file.clone();
                settings.chain.wallet_path = self.wallet_path.clone();
            }
            settings.chain.genesis = self.genesis.or(settings.chain.genesis);
            settings.chain.strict_wallet |= self.strict;
            if let Some(filter) = &self.log {
                settings.log.filter = filter.clone();
            }
            flags(settings);
        })?;
        Ok(settings)
    }

    /// A flag takes the place of its variable, so that both go through the same checks.
    fn flag_or_variable(&self, name: &str) -> Option<String> {
        let flag = match name {
            "NETWORK" => self.network.clone(),
            "NETUID" => self.netuid.map(|netuid| netuid.to_string()),
            "WALLET_NAME" => self.wallet_name.clone(),
            "HOTKEY_NAME" => self.hotkey_name.clone(),
            _ => None,
        };
        flag.or_else(|| std::env::var(name).ok())
    }
}

/// Libraries that write the addresses of nodes, tokens included, when they are talkative.
const TELL_ADDRESSES: [&str; 3] = ["jsonrpsee", "soketto", "subxt"];

/// The filter of a text. The libraries that tell addresses only warn, each unless the text names it.
fn log_filter(text: &str) -> anyhow::Result<EnvFilter> {
    let filter = EnvFilter::try_new(text)
        .with_context(|| format!("{text:?} is no log filter; try `info` or `kinitro=debug`"))?;
    let is_talkative = filter.max_level_hint().is_none_or(|level| level > LevelFilter::WARN);
    let silenced = TELL_ADDRESSES.iter().filter(|name| is_talkative && !text.contains(**name));
    silenced.into_iter().try_fold(filter, |filter, name| Ok(filter.add_directive(format!("{name}=warn").parse()?)))
}

/// Starts the log on standard error, as the settings say.
///
/// # Errors
/// When the filter is not one.
pub fn start_log(settings: &Settings) -> anyhow::Result<()> {
    let filter = log_filter(&settings.log.filter)?;
    // A log on a full disk loses its lines; telling so on the same standard error would panic.
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    match settings.log.format {
        settings::LogFormat::Text => {
            let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let _ = builder.with_ansi(terminal).with_target(false).try_init();
        }
        settings::LogFormat::Json => {
            let _ = builder.json().try_init();
        }
    }
    Ok(())
}
