//! `kinitro test-env`

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::progress::Progress;
use super::table::{Table, percent};
use crate::beacon::{DEFAULT_DEV_CHAIN, OperatorKey, dev_genesis};
use crate::domain::{BlockNumber, Contest, Digest, EnvId, Outcome};
use crate::service::executor::Assignment;
use crate::service::trial::{LocalPolicy, Trial, run_locally};
use crate::sim::Simulator;
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
    let contest =
        Contest { environments: vec![args.environment.clone()], episodes_per_env: args.episodes, ..Contest::default() };
    let trial = trial(contest, args.seed);
    if let Some(folder) = &args.record {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let policy = match args.policy {
        PolicyName::Expert => LocalPolicy::Expert,
        PolicyName::Random => LocalPolicy::Random,
    };
    let transcripts = run_all(&simulator, &trial, policy)?;
    if let Some(folder) = &args.record {
        for transcript in &transcripts {
            let path = folder.join(format!("{}.ktr", transcript.id()));
            let bytes = transcript.to_bytes()?;
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    report(args, &transcripts)
}

/// The episodes of `contest` in the worlds of a block of the development chain, for nobody in particular.
pub fn trial(contest: Contest, seed: u64) -> Trial {
    let hotkey = OperatorKey::dev("trial").hotkey();
    Trial { contest, genesis: dev_genesis(DEFAULT_DEV_CHAIN), block: BlockNumber(seed), hotkey }
}

fn run_all(simulator: &Simulator, trial: &Trial, policy: LocalPolicy) -> anyhow::Result<Vec<Transcript>> {
    let assignments = trial.assignments();
    let progress = Progress::new("episodes", assignments.len() as u64);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(assignments.len());
    let work = || -> anyhow::Result<()> {
        while let Some(assignment) = claim(&assignments, &next) {
            let transcript = run_locally(simulator, &trial.contest, assignment, policy)?;
            let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            done.push(transcript);
            progress.set(done.len() as u64);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(result) => result?,
                Err(_) => bail!("an episode panicked; this is a fault of the program, please report it"),
            }
        }
        Ok(())
    })?;
    progress.clear();
    let mut transcripts = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    transcripts.sort_by_key(|transcript| transcript.header.index);
    Ok(transcripts)
}

fn claim<'a>(assignments: &'a [Assignment], next: &AtomicUsize) -> Option<&'a Assignment> {
    assignments.get(next.fetch_add(1, Ordering::Relaxed))
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
