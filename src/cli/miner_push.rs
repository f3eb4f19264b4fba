//! `kinitro miner-push`, by its older name `chutes-push`

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::platform_args::PlatformArgs;
use crate::hub::RepoName;
use crate::hub::platform::Order;

/// Deploy a revision of the model repository to Chutes
///
/// Builds the image there, unless it is built, and deploys the project's chute.py; the fee that Chutes takes for a new
/// deployment is accepted. Needs CHUTE_USER, CHUTES_API_KEY and the program of Chutes (`pip install chutes`), registered with
/// your hotkey. Example: kinitro miner-push --path my-policy --repo alice/policy
/// --revision 0123456789abcdef0123456789abcdef01234567
#[derive(Debug, Args)]
pub struct MinerPushArgs {
    /// Folder of the project, with chute.py
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    path: PathBuf,

    /// Model repository, owner/name
    #[arg(long)]
    repo: RepoName,

    /// Full commit sha of the repository
    #[arg(long, value_parser = full_sha)]
    revision: String,

    #[command(flatten)]
    platform: PlatformArgs,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

/// A deployment for scripts.
#[derive(Serialize)]
struct Pushed {
    platform: &'static str,
    claim_id: String,
    platform_id: Option<String>,
    hot: bool,
}

/// A revision: 40 digits. A branch could become another model after the claim.
///
/// # Errors
/// Anything else.
pub fn full_sha(text: &str) -> Result<String, String> {
    let is_sha = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if is_sha { Ok(text.to_owned()) } else { Err("a full commit sha has 40 digits of 0-9 and a-f".to_owned()) }
}

/// Deploys it.
///
/// # Errors
/// What is missing, or what Chutes or its program said.
pub async fn run(args: MinerPushArgs) -> anyhow::Result<()> {
    let platform = args.platform.chutes()?;
    let order = Order {
        folder: std::path::absolute(&args.path).context("the path cannot be used")?,
        repo: args.repo,
        revision: args.revision,
        gpu_count: args.platform.gpu_count,
        min_vram_gb: args.platform.min_vram,
    };
    let running = platform.deploy(&order, &mut |line| eprintln!("{line}")).await?;
    if args.json {
        let (claim_id, platform_id, hot) = (running.claim_id, running.platform_id, running.hot);
        return super::print_json(&Pushed { platform: platform.name(), claim_id, platform_id, hot });
    }
    println!(
        "{} runs on {}{}",
        running.claim_id,
        platform.name(),
        if running.hot { "" } else { ", no instance up yet" }
    );
    println!("claim it:");
    println!("  kinitro commit --repo {} --revision {} --chute-id {}", order.repo, order.revision, running.claim_id);
    Ok(())
}
