//! `kinitro commit`

use std::time::Duration;

use clap::Args;

use super::settings_args::{SettingsArgs, start_log};
use crate::admission::ClaimText;
use crate::service::chain_access::ChainAccess;
use crate::service::claims::{Ready, Sent, claim_bytes, look_for, may_commit, read_back, write_claim};

/// Longest wait for the block that holds the claim to become final; two or three blocks of 12 s are usual.
const PATIENCE: Duration = Duration::from_secs(180);

/// Write a miner's claim into its commitment slot on the chain, and read it back
///
/// The claim is checked first: its length, the full sha, that the hotkey is registered. Nobody can take it back; a later
/// one replaces it and has a later date. Example:
/// kinitro commit --repo alice/policy --revision 0123456789abcdef0123456789abcdef01234567 --chute-id alice-policy
/// --network finney --netuid 26 --wallet-name main --hotkey-name default
#[derive(Debug, Args)]
pub struct CommitArgs {
    /// Model repository, owner/name
    #[arg(long)]
    repo: String,

    /// Full commit sha of the repository
    #[arg(long)]
    revision: String,

    /// Where the policy runs: a platform's id, or a URL of scheme and host
    #[arg(long, alias = "deployment", value_name = "ID")]
    chute_id: String,

    /// Check everything and show what would be written, but write nothing
    #[arg(long)]
    dry_run: bool,

    /// Write it even if the slot holds the same claim, which dates it later
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    settings: SettingsArgs,
}

/// Writes the claim.
///
/// # Errors
/// What is wrong with the claim, the wallet or the chain, with what to do.
pub async fn run(args: CommitArgs) -> anyhow::Result<()> {
    let settings = args.settings.load()?;
    start_log(&settings)?;
    let claim = ClaimText { repo: args.repo, revision: args.revision, deployment: args.chute_id };
    let (data, objections) = claim_bytes(&claim, &settings.contest.deployment)?;
    let ChainAccess { chain, key, netuid } = ChainAccess::open(&settings).await?;
    let (chain, hotkey) = (chain.as_ref(), key.hotkey());
    let Ready { uid, head } = may_commit(chain, hotkey, netuid, &data, args.force).await?;
    println!("hotkey {hotkey}, uid {uid} of subnet {netuid} on {} (genesis {})", chain.network(), chain.genesis());
    println!("{} bytes: {}", data.len(), String::from_utf8_lossy(&data));
    for objection in objections {
        println!("a contest with the deployment rules of these settings would refuse it: {objection}");
    }
    if args.dry_run {
        println!("nothing was written");
        return Ok(());
    }
    println!("sending it, and waiting for a final block that holds it");
    let date = match write_claim(chain, &key, netuid, &data).await? {
        Sent::In(block) => {
            println!("written in block {block}");
            read_back(chain, hotkey, netuid, (block, &data), PATIENCE).await?
        }
        Sent::Unknown(cause) => {
            println!("{cause}; looking for {} s whether the claim stands all the same", PATIENCE.as_secs());
            look_for(chain, hotkey, netuid, (head, &data), (cause, PATIENCE)).await?
        }
    };
    println!("final and read back; the claim is dated by block {date}");
    Ok(())
}
