//! `kinitro test-env`

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::camera_args::CameraArgs;
use super::local_runs;
use super::randomisation::RandomisationArgs;
use super::table::{Table, percent};
use crate::domain::{CameraSetting, Contest, Digest, EnvId, Outcome};
use crate::episode::Rollout;
use crate::service::evidence::picture_name;
use crate::service::executor::Assignment;
use crate::service::media::encode_png;
use crate::service::trial::LocalPolicy;
use crate::transcript::Transcript;

/// Run episodes of one environment here, without a server
///
/// Example: kinitro test-env metaworld/reach-v3 --episodes 20 --policy expert --record runs/ --record-every 10
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

    #[command(flatten)]
    cameras: CameraArgs,

    /// Write each episode's transcript into this folder, and what its cameras see as PNG files into a folder below
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Write the pictures of every N-th step only
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=500))]
    record_every: u32,

    /// Steps of an episode
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=500))]
    max_steps: u32,

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
        max_steps: args.max_steps,
        randomisation: args.randomisation.setting(),
        cameras: cameras(args)?,
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
    let cores = local_runs::cores();
    let watch = |assignment: &Assignment, rollout: &Rollout| save_pictures(args, assignment, rollout);
    let transcripts = local_runs::run_all_watched(&simulator, &trial, policy, cores, |transcript| transcript, watch)?;
    if let Some(folder) = &args.record {
        for transcript in &transcripts {
            let path = folder.join(format!("{}.ktr", transcript.id()));
            let bytes = transcript.to_bytes()?;
            std::fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    report(args, &transcripts)
}

/// Nobody here looks at pictures, so without a record none are taken unless something about them was asked for.
fn cameras(args: &TestEnvArgs) -> anyhow::Result<Vec<CameraSetting>> {
    if args.record.is_none() && !args.cameras.given() { Ok(Vec::new()) } else { args.cameras.settings() }
}

/// Writes what the cameras see now, if this step is one to be kept.
fn save_pictures(args: &TestEnvArgs, assignment: &Assignment, rollout: &Rollout) -> anyhow::Result<()> {
    let Some(folder) = &args.record else { return Ok(()) };
    let step = rollout.steps();
    if !step.is_multiple_of(args.record_every) || rollout.pictures().is_empty() {
        return Ok(());
    }
    let (task, index) = (assignment.environment.task_name(), assignment.index);
    let folder = folder.join(format!("{task}-seed-{}-episode-{index:03}", args.seed));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    for image in rollout.pictures() {
        let path = folder.join(format!("{}.png", picture_name(step, image.camera.as_str())));
        std::fs::write(&path, encode_png(&image.frame)?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
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
        println!("transcripts are in {0}; check them with: kinitro verify {0}", folder.display());
        if let Some(transcript) = transcripts.first().filter(|transcript| !transcript.header.cameras.is_empty()) {
            println!("pictures are in {}/…-episode-…; a video of them:", folder.display());
            println!("  kinitro replay {}/{}.ktr --video episode.mp4", folder.display(), transcript.id());
        }
    }
    Ok(())
}
