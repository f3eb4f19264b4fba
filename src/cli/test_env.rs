//! `kinitro test-env`

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::local_runs;
use super::randomisation::RandomisationArgs;
use super::table::{Table, percent};
use crate::domain::{Contest, Digest, EnvId, Outcome};
use crate::service::trial::LocalPolicy;
use crate::transcript::Transcript;

/// Run episodes of one environment here, without a server
///
/// Example: kinitro test-env metaworld/reach-v3 --episodes 20 --policy expert --record runs/
#[derive(Debug, Args)]
pub struct TestEnvArgs {
    /// Environment id; `kinitro list-envs` shows them
    environment: EnvId,

    /// Episodes to run
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    episodes: u32,

    /// Block of the development chain that gives the worlds; the same number gives the same worlds
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Who acts
    #[arg(long, value_enum, default_value_t = PolicyName::Expert)]
    policy: PolicyName,

    #[command(flatten)]
    randomisation: RandomisationArgs,

    /// Write each episode's transcript into this folder
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum PolicyName {
    /// MetaWorld's scripted policy, which sees everything
    Expert,
    /// Random actions
    Random,
}

#[derive(Serialize)]
struct EpisodeReport {
    index: u32,
    success: bool,
    first_success_step: Option<u32>,
    steps: u32,
    total_reward: f64,
    replay_root: Digest,
    transcript: Digest,
}

/// Runs the episodes on all cores and prints what came of them.
///
/// # Errors
/// Unknown environment, missing assets, or a folder that cannot be written.
pub fn run(args: &TestEnvArgs) -> anyhow::Result<()> {
    let simulator = super::simulator::open()?;
    let contest = Contest {
        environments: vec![args.environment.clone()],
        episodes_per_env: args.episodes,
        randomisation: args.randomisation.setting(),
        ..Contest::default()
    };
    let trial = local_runs::trial(contest, args.seed);
    if let Some(folder) = &args.record {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let policy = match args.policy {
        PolicyName::Expert => LocalPolicy::Expert,
        PolicyName::Random => LocalPolicy::Random,
    };
    let transcripts = local_runs::run_all(&simulator, &trial, policy, local_runs::cores(), |transcript| transcript)?;
    if let Some(folder) = &args.record {
        for transcript in &transcripts {
            let path = folder.join(format!("{}.ktr", transcript.id()));
            let bytes = transcript.to_bytes()?;
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    report(args, &transcripts)
}

fn report(args: &TestEnvArgs, transcripts: &[Transcript]) -> anyhow::Result<()> {
    let rows: Vec<EpisodeReport> = transcripts
        .iter()
        .map(|transcript| EpisodeReport {
            index: transcript.header.index,
            success: transcript.footer.outcome == Outcome::Success,
            first_success_step: transcript.footer.first_success_step,
            steps: transcript.footer.steps,
            total_reward: transcript.footer.total_reward,
            replay_root: transcript.footer.replay_root,
            transcript: transcript.id(),
        })
        .collect();
    if args.json {
        return super::print_json(&rows);
    }
    let mut table = Table::new(&["episode", "success", "first at step", "steps", "total reward", "replay root"]);
    for row in &rows {
        table.row([
            row.index.to_string(),
            if row.success { "yes" } else { "no" }.to_owned(),
            row.first_success_step.map_or_else(|| "-".into(), |step| step.to_string()),
            row.steps.to_string(),
            format!("{:.1}", row.total_reward),
            row.replay_root.short(),
        ]);
    }
    table.print();
    let successes = rows.iter().filter(|row| row.success).count();
    println!("{}: {successes} of {} successful ({})", args.environment, rows.len(), percent(successes, rows.len()));
    if let Some(folder) = &args.record {
        println!("transcripts are in {}; check them with: kinitro verify {}", folder.display(), folder.display());
    }
    Ok(())
}
