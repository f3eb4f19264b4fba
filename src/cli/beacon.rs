//! `kinitro beacon`

use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;

use super::verify_target::Target;
use crate::beacon::{
    Beacon, BeaconOutput, VrfProof, cycle_seed, dev_block_hash, dev_output, episode_seed, policy_seed, vrf_input,
};
use crate::domain::{BlockHash, BlockRef, CycleId, CycleSeed, EnvId, EpisodeSeed, Hotkey, Netuid, PolicySeed};
use crate::replay::{ChainFacts, CycleManifest, Finding, check_beacon};
use crate::sim::{self, SimError};

/// Show, verify or derive the randomness of a cycle
#[derive(Debug, Args)]
pub struct BeaconArgs {
    #[command(subcommand)]
    command: BeaconCommand,
}

#[derive(Debug, Subcommand)]
enum BeaconCommand {
    Show(ShowArgs),
    Verify(VerifyArgs),
    Derive(DeriveArgs),
}

/// Print every value of a published cycle's beacon
///
/// Example: kinitro beacon show http://127.0.0.1:8080/v1/cycles/7
#[derive(Debug, Args)]
struct ShowArgs {
    /// Address of a cycle or server, a manifest, or a folder with one
    target: String,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

/// Check that a published cycle's beacon follows from its anchor and operator
///
/// Exit code: 0 it does, 1 it does not, 2 it could not be checked.
#[derive(Debug, Args)]
struct VerifyArgs {
    /// Address of a cycle or server, a manifest, or a folder with one
    target: String,

    /// The chain's genesis hash, as you know it
    #[arg(long, value_name = "HASH")]
    genesis: Option<BlockHash>,

    /// Hash of the anchor block, as you read it from the chain
    #[arg(long, value_name = "HASH")]
    anchor_hash: Option<BlockHash>,
}

/// Derive seeds from a beacon's output
///
/// Examples:
///   kinitro beacon derive --output 5f…e1 --cycle 7 metaworld/reach-v3 0
///   kinitro beacon derive --dev-hash 0xab…cd --cycle 1 metaworld/reach-v3 0 --hotkey 5Grw…
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, group(ArgGroup::new("source").required(true).args(["output", "dev_hash"])))]
struct DeriveArgs {
    /// Environment
    environment: EnvId,

    /// Index of the episode
    index: u32,

    /// Number of the cycle
    #[arg(long)]
    cycle: u64,

    /// The beacon's output
    #[arg(long, value_name = "HEX")]
    output: Option<BeaconOutput>,

    /// Hash of the anchor block of a development beacon
    #[arg(long, value_name = "HASH")]
    dev_hash: Option<BlockHash>,

    /// The miner whose policy seed to derive
    #[arg(long, value_name = "SS58")]
    hotkey: Option<Hotkey>,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

/// Runs one of the three.
///
/// # Errors
/// A target that cannot be read.
pub fn run(args: &BeaconArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        BeaconCommand::Show(args) => show(args)?,
        BeaconCommand::Verify(args) => {
            let failed = |error| ExitCode::from(super::could_not_check(&error).exit_code());
            return Ok(verify(args).unwrap_or_else(failed));
        }
        BeaconCommand::Derive(args) => derive(args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn manifest_of(target: &str) -> anyhow::Result<CycleManifest> {
    match Target::open(target, None)? {
        Target::Cycle(cycle) => Ok(cycle.signed.manifest),
        Target::Transcripts(_) => anyhow::bail!("{target} is no cycle: give an address or a manifest"),
    }
}

/// Every value from the chain's hash to the cycle's seed.
#[derive(Serialize)]
struct Shown {
    kind: &'static str,
    cycle: CycleId,
    genesis: BlockHash,
    netuid: Netuid,
    anchor: BlockRef,
    vrf_input: Option<String>,
    operator: Option<Hotkey>,
    output: BeaconOutput,
    proof: Option<VrfProof>,
    cycle_seed: CycleSeed,
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let manifest = manifest_of(&args.target)?;
    let (operator, proof) = match &manifest.beacon {
        Beacon::Dev { .. } => (None, None),
        Beacon::Vrf { operator, proof, .. } => (Some(*operator), Some(*proof)),
    };
    let output = *manifest.beacon.output();
    let input = || hex::encode(vrf_input(&manifest.genesis, manifest.netuid, &manifest.anchor));
    let shown = Shown {
        kind: if manifest.beacon.is_dev() { "dev" } else { "vrf" },
        cycle: manifest.cycle,
        genesis: manifest.genesis,
        netuid: manifest.netuid,
        anchor: manifest.anchor,
        vrf_input: proof.map(|_| input()),
        operator,
        output,
        proof,
        cycle_seed: cycle_seed(&output, manifest.cycle),
    };
    if args.json {
        return super::print_json(&shown);
    }
    print_fields(&shown)
}

fn verify(args: &VerifyArgs) -> anyhow::Result<ExitCode> {
    let manifest = manifest_of(&args.target)?;
    let dev_hash = (manifest.network == "dev").then(|| dev_block_hash(&manifest.genesis, manifest.anchor.number));
    let anchor_hash = args.anchor_hash.or(dev_hash);
    let facts = ChainFacts { genesis: args.genesis, anchor_hash, ..ChainFacts::default() };
    Ok(match check_beacon(&manifest, &facts) {
        Some(Finding::Differs { difference, .. }) => {
            println!("differs: {difference}");
            ExitCode::FAILURE
        }
        _ => {
            let kind = if manifest.beacon.is_dev() { "development beacon (dev)" } else { "VRF" };
            println!("identical: the {kind} of cycle {} follows from block {}", manifest.cycle, manifest.anchor.number);
            if anchor_hash.is_none() {
                println!("note: the block's hash was not compared with a chain; give it by --anchor-hash");
            }
            ExitCode::SUCCESS
        }
    })
}

#[derive(Serialize)]
struct Derived {
    output: BeaconOutput,
    cycle_seed: CycleSeed,
    episode_seed: EpisodeSeed,
    policy_seed: Option<PolicySeed>,
}

fn derive(args: &DeriveArgs) -> anyhow::Result<()> {
    if sim::task(&args.environment).is_none() {
        return Err(SimError::UnknownEnvironment(args.environment.clone()).into());
    }
    let output = args.output.or(args.dev_hash.as_ref().map(dev_output)).expect("clap asks for one of the two");
    let cycle = cycle_seed(&output, CycleId(args.cycle));
    let episode = episode_seed(&cycle, &args.environment, args.index);
    let policy = args.hotkey.map(|hotkey| policy_seed(&episode, &hotkey));
    let derived = Derived { output, cycle_seed: cycle, episode_seed: episode, policy_seed: policy };
    if args.json {
        return super::print_json(&derived);
    }
    print_fields(&derived)
}

/// One line per field with its name and value, as their JSON has them; whole, since people copy them.
fn print_fields(value: &impl Serialize) -> anyhow::Result<()> {
    let serde_json::Value::Object(fields) = serde_json::to_value(value)? else {
        anyhow::bail!("only structures have fields");
    };
    for (name, value) in fields {
        match value {
            serde_json::Value::Null => {}
            serde_json::Value::String(text) => println!("{name:<14}{text}"),
            value => println!("{name:<14}{value}"),
        }
    }
    Ok(())
}
