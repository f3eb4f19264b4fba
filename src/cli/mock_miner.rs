//! `kinitro mock-miner`

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tokio_util::sync::CancellationToken;

use super::randomisation::RandomisationArgs;
use crate::beacon::{DEFAULT_DEV_CHAIN, OperatorKey, dev_genesis};
use crate::domain::{BlockHash, EnvId, Hotkey};
use crate::policy::mock_miner::{MockMiner, MockOptions, MockPolicy, bind, serve};
use crate::sim::Simulator;

/// Name of the development key of a miner that was given no hotkey.
pub const DEFAULT_HOTKEY_NAME: &str = "miner";

/// Serve a policy of ours as a miner would, well or badly behaved
///
/// It sees only what the protocol carries. On a development chain, whose beacon is public, an expert finds the world of
/// each episode by its seed and keeps its own copy; it answers with status 500 if the copy differs by one bit.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    kinitro mock-miner --policy random\n  \
    kinitro mock-miner --policy noisy --skill 0.7 --listen 127.0.0.1:0")]
pub struct MockMinerArgs {
    /// What it plays
    #[arg(long, default_value = "expert", value_parser = policy_parser())]
    policy: MockPolicy,

    /// How sure `noisy` is, from 0 (random) to 1 (expert)
    #[arg(long, default_value_t = 0.7, value_name = "0..1")]
    skill: f64,

    /// Where `specialist` is an expert, apart by commas
    #[arg(long, value_delimiter = ',', value_name = "ENV,…")]
    envs: Vec<EnvId>,

    /// The miner's hotkey, an ss58 address, from which its seeds follow; default: the development key that
    /// `kinitro evaluate` uses too
    #[arg(long, value_name = "SS58")]
    hotkey: Option<Hotkey>,

    /// Genesis hash of the development chain; default: the chain that everything uses unless told otherwise
    #[arg(long, value_name = "HASH", env = "KINITRO_GENESIS")]
    genesis: Option<BlockHash>,

    #[command(flatten)]
    randomisation: RandomisationArgs,

    /// Address to listen on; port 0 takes a free one and prints it
    #[arg(long, default_value = "127.0.0.1:8001", value_name = "ADDRESS")]
    listen: SocketAddr,

    /// The metaworld-3.1.1 wheel or its folder, if not where `make vendor` puts it
    #[arg(long, value_name = "PATH", env = "KINITRO_ASSETS")]
    assets: Option<PathBuf>,
}

fn policy_parser() -> impl TypedValueParser<Value = MockPolicy> {
    let values = MockPolicy::all().map(|policy| PossibleValue::new(policy.name()).help(policy.describe()));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<MockPolicy>())
}

/// Serves until Ctrl-C.
///
/// # Errors
/// Options that do not go together, a taken port, no simulator.
pub async fn run(args: MockMinerArgs) -> anyhow::Result<()> {
    let options = options(&args);
    let simulator = Simulator::locate(args.assets.as_deref())?;
    let miner = MockMiner::new(&options, &simulator)?;
    let listener = bind(args.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let shutdown = CancellationToken::new();
    tokio::select! {
        () = serve(listener, miner, shutdown.clone()) => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for Ctrl-C")?,
    }
    shutdown.cancel();
    Ok(())
}

fn options(args: &MockMinerArgs) -> MockOptions {
    let hotkey = args.hotkey.unwrap_or_else(|| OperatorKey::dev(DEFAULT_HOTKEY_NAME).hotkey());
    let genesis = args.genesis.unwrap_or_else(|| dev_genesis(DEFAULT_DEV_CHAIN));
    MockOptions {
        policy: args.policy,
        skill: args.skill,
        envs: args.envs.clone(),
        hotkey,
        genesis,
        randomisation: args.randomisation.setting(),
    }
}
