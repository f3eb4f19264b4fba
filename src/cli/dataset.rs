//! `kinitro dataset`

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};

use super::camera_args::CameraArgs;
use super::local_runs;
use super::progress::Progress;
use super::randomisation::RandomisationArgs;
use crate::domain::{Contest, EnvId};
use crate::service::dataset::{Format, Source, export};
use crate::service::trial::LocalPolicy;

/// Write episodes as training data
#[derive(Debug, Args)]
pub struct DatasetArgs {
    #[command(subcommand)]
    command: DatasetCommand,
}

#[derive(Debug, Subcommand)]
enum DatasetCommand {
    Export(ExportArgs),
}

/// Write episodes of the scripted expert, or recorded ones, with pictures, for NumPy or LeRobot
///
/// Example: kinitro dataset export dataset --env metaworld/reach-v3 --episodes 100
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Folder to write; it must be new, or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// How to write it
    #[arg(long, value_enum, default_value_t = FormatName::Npz)]
    format: FormatName,

    /// Environment of the expert's episodes, repeatable; default: the eight of the default contest
    #[arg(long = "env", value_name = "ENV", conflicts_with = "recorded")]
    environments: Vec<EnvId>,

    /// Episodes of each environment
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    #[arg(conflicts_with = "recorded")]
    episodes: u32,

    /// Block of the development chain that gives the worlds; the same number gives the same worlds
    #[arg(long, default_value_t = 1_000, conflicts_with = "recorded")]
    seed: u64,

    /// Steps of an episode
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=500))]
    #[arg(conflicts_with = "recorded")]
    max_steps: u32,

    /// Push the expert about by chance in the first half of each episode, so that it shows the way from more places
    #[arg(long, conflicts_with = "recorded")]
    disturbed: bool,

    #[command(flatten)]
    randomisation: RandomisationArgs,

    #[command(flatten)]
    cameras: CameraArgs,

    /// Folder of transcripts (*.ktr) to take instead of the expert's episodes; their pictures are drawn again
    #[arg(long, value_name = "FOLDER")]
    recorded: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatName {
    /// A NumPy archive for each episode; pictures lose nothing
    Npz,
    /// LeRobot's dataset format 3.0: Parquet tables and H.264 videos
    Lerobot,
}

/// Writes the dataset and says what is in it.
///
/// # Errors
/// A folder that is there already, unknown environments, transcripts that cannot be taken again, missing assets.
pub fn run(args: &DatasetArgs) -> anyhow::Result<()> {
    let DatasetCommand::Export(args) = &args.command;
    let source = match &args.recorded {
        Some(folder) => Source::Recorded(transcripts_in(folder)?),
        None => expert(args)?,
    };
    let (format, kind) = match args.format {
        FormatName::Npz => (Format::Npz, "one NumPy archive each"),
        FormatName::Lerobot => (Format::LeRobot, "a LeRobot dataset v3.0"),
    };
    let total = match &source {
        Source::Played(trial, _) => trial.assignments().len(),
        Source::Recorded(files) => files.len(),
    };
    let simulator = super::simulator::open()?;
    let cameras = args.cameras.settings()?;
    let progress = Progress::new("episodes", total as u64);
    let done = |episodes: usize| progress.set(episodes as u64);
    let written = export(&args.folder, format, &source, &cameras, &simulator, local_runs::cores(), &done);
    progress.clear();
    let written = written?;
    println!(
        "{}: {} episodes, {} of them successful, {} frames, {kind}",
        args.folder.display(),
        written.episodes,
        written.successes,
        written.frames
    );
    Ok(())
}

fn expert(args: &ExportArgs) -> anyhow::Result<Source> {
    let default = Contest::default();
    let environments =
        if args.environments.is_empty() { default.environments.clone() } else { args.environments.clone() };
    super::environments::check(&environments)?;
    // The pictures are drawn when the episode is taken again, so none are while it is played.
    let contest = Contest {
        environments,
        episodes_per_env: args.episodes,
        max_steps: args.max_steps,
        randomisation: args.randomisation.setting(),
        cameras: Vec::new(),
        ..default
    };
    let policy = if args.disturbed { LocalPolicy::DisturbedExpert } else { LocalPolicy::Expert };
    Ok(Source::Played(Box::new(local_runs::trial(contest, args.seed)), policy))
}

/// The transcripts of a folder in the order of their names.
fn transcripts_in(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let failed = || format!("cannot read the folder {}", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(failed)? {
        let path = entry.with_context(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "ktr") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
