//! `kinitro dev-chain`: the development chain by hand.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::settings_args::{SettingsArgs, start_log};
use super::table::Table;
use crate::admission::{ClaimText, admit_all, encode_claim};
use crate::beacon::OperatorKey;
use crate::chain::{
    Chain, DevChain, DevNode, DevNodeSettings, DevRuntime, Registration, submissions, write_dev_hotkey,
};
use crate::domain::{Hotkey, Netuid, Uid, printable};
use crate::service::chain_access::{open_dev_chain, wallet_place};
use crate::service::settings::Settings;
use crate::service::shutdown;

/// Register miners and validators on the development chain, commit claims, look at it
///
/// Everybody on this chain is a name: `--name alice` stands for the development key that follows from it.
#[derive(Debug, Args)]
#[command(after_help = "Example, a subnet of one miner:\n  \
    kinitro dev-chain register --name alice\n  \
    kinitro dev-chain commit --name alice --deployment http://127.0.0.1:8001\n  \
    kinitro mock-miner --policy expert --hotkey $(kinitro dev-chain hotkey --name alice) &\n  \
    kinitro dev-chain show\n\nServed to other programs:\n  \
    kinitro dev-chain --listen 127.0.0.1:9944")]
pub struct DevChainArgs {
    #[command(subcommand)]
    command: Option<DevChainCommand>,

    /// Serve the chain as a node at this address, with the JSON-RPC of subtensor's runtime 461, until Ctrl-C
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
enum DevChainCommand {
    /// Give a name a uid
    Register {
        /// Whose development key
        #[arg(long, required_unless_present = "hotkey")]
        name: Option<String>,
        /// Or whose address
        #[arg(long, value_name = "ADDRESS", conflicts_with = "name")]
        hotkey: Option<Hotkey>,
        /// With stake and the permit to set weights
        #[arg(long)]
        validator: bool,
    },
    /// Write a miner's claim into its commitment slot
    Commit {
        /// Whose development key
        #[arg(long)]
        name: String,
        /// Model repository, owner/name
        #[arg(long, default_value = "dev/policy")]
        repo: String,
        /// Full commit sha of the repository
        #[arg(long, default_value = "0000000000000000000000000000000000000000")]
        revision: String,
        /// Where the policy runs: a URL, in contests that allow private endpoints
        #[arg(long, value_name = "URL")]
        deployment: String,
    },
    /// Make blocks at once
    Advance {
        /// How many
        blocks: u64,
    },
    /// Print the hotkey of a name
    Hotkey {
        /// Whose development key
        #[arg(long)]
        name: String,
    },
    /// Write the development key of wallet and hotkey as a file, for programs that reach this chain through --listen
    WriteHotkey,
    /// Show who is registered, what they claim and whether the contest would admit it
    Show {
        /// Print JSON for scripts
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Row {
    uid: Uid,
    hotkey: Hotkey,
    validator_permit: bool,
    claimed_in_block: Option<u64>,
    deployment: Option<String>,
    verdict: Option<String>,
}

/// Does one thing on the chain.
///
/// # Errors
/// What the chain refuses, with what to do.
pub async fn run(args: DevChainArgs) -> anyhow::Result<()> {
    let settings = args.settings.load()?;
    let command = match args.command {
        Some(DevChainCommand::Hotkey { name }) => {
            println!("{}", OperatorKey::dev(&name).hotkey());
            return Ok(());
        }
        Some(DevChainCommand::WriteHotkey) => return write_hotkey(&settings),
        command => command,
    };
    let chain = open_dev_chain(&settings)?;
    let netuid = Netuid(settings.chain.netuid);
    let Some(command) = command else { return serve(chain, args.listen, &settings).await };
    anyhow::ensure!(args.listen.is_none(), "--listen stands alone; run the other command beside it, on the same file");
    match command {
        DevChainCommand::Register { name, hotkey, validator } => {
            let hotkey = hotkey.unwrap_or_else(|| OperatorKey::dev(&name.unwrap_or_default()).hotkey());
            let registration = if validator { Registration::validator(hotkey) } else { Registration::miner(hotkey) };
            let uid = chain.register(netuid, &registration)?;
            println!("{hotkey} is uid {uid} of subnet {netuid} from the next block on");
        }
        DevChainCommand::Commit { name, repo, revision, deployment } => {
            let claim = ClaimText { repo, revision, deployment };
            let data = encode_claim(&claim).map_err(|reason| anyhow::anyhow!("{reason}"))?;
            let receipt = chain.set_commitment(&OperatorKey::dev(&name), netuid, &data).await?;
            println!("committed in block {}; a cycle counts it once that block is final", receipt.block);
        }
        DevChainCommand::Advance { blocks } => println!("the newest block is {}", chain.advance(blocks)?),
        DevChainCommand::Show { json } => show(&chain, netuid, &settings.contest.deployment, json).await?,
        DevChainCommand::Hotkey { .. } | DevChainCommand::WriteHotkey => {}
    }
    Ok(())
}

fn write_hotkey(settings: &Settings) -> anyhow::Result<()> {
    anyhow::ensure!(
        settings.chain.wallet_path.is_some(),
        "name a folder with --wallet-path: keys that anybody may know do not belong among real ones"
    );
    let place = wallet_place(&settings.chain)?;
    let name = format!("{}/{}", settings.chain.wallet_name, settings.chain.hotkey_name);
    println!("{} is in {}", write_dev_hotkey(&place, &name)?, place.file().display());
    Ok(())
}

async fn serve(chain: DevChain, listen: Option<SocketAddr>, settings: &Settings) -> anyhow::Result<()> {
    let Some(listen) = listen else { anyhow::bail!("name a command, or --listen; --help shows both") };
    start_log(settings)?;
    let shutdown = shutdown::on_signal()?;
    let genesis = chain.genesis();
    let node = DevNode::start(chain, DevNodeSettings { listen, runtime: DevRuntime::recorded() }).await?;
    println!("kinitro dev-chain is up at {} (genesis {genesis})", node.endpoint());
    shutdown.cancelled().await;
    Ok(())
}

async fn show(
    chain: &DevChain,
    netuid: Netuid,
    rules: &crate::domain::DeploymentRules,
    json: bool,
) -> anyhow::Result<()> {
    let head = chain.finalized_head().await?;
    let neurons = chain.neurons_at(netuid, &head).await?;
    let submitted = submissions(&neurons, &chain.commitments_at(netuid, &head).await?);
    let admissions = admit_all(&submitted, rules);
    let rows: Vec<Row> = neurons
        .iter()
        .map(|neuron| {
            let admission = admissions.iter().find(|admission| admission.hotkey == neuron.hotkey);
            let claim = admission.and_then(|admission| admission.claim.as_ref());
            let other = submitted.iter().find(|known| known.hotkey == neuron.hotkey).filter(|_| admission.is_none());
            Row {
                uid: neuron.uid,
                hotkey: neuron.hotkey,
                validator_permit: neuron.validator_permit,
                claimed_in_block: admission.map(|admission| admission.block.0),
                deployment: claim.map(|claim| printable(&claim.deployment, 80)),
                verdict: admission
                    .map(|admission| match admission.verdict.codes() {
                        codes if codes.is_empty() => "admitted".to_owned(),
                        codes => format!("refused: {}", codes.join(", ")),
                    })
                    .or_else(|| other.and_then(|known| known.content.read().ok()).map(|_| "no claim".to_owned())),
            }
        })
        .collect();
    if json {
        return super::print_json(&rows);
    }
    println!("finalized block {} of chain {} ({})", head.number, chain.network(), chain.genesis());
    let mut table = Table::new(&["uid", "hotkey", "validator", "claimed in block", "deployment", "verdict"]);
    for row in rows {
        table.row([
            row.uid.to_string(),
            row.hotkey.to_string(),
            if row.validator_permit { "yes" } else { "no" }.to_owned(),
            row.claimed_in_block.map_or_else(|| "-".into(), |block| block.to_string()),
            row.deployment.unwrap_or_else(|| "-".into()),
            row.verdict.unwrap_or_else(|| "-".into()),
        ]);
    }
    table.print();
    Ok(())
}
