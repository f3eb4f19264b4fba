//! `kinitro evaluate`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;

use super::camera_args::CameraArgs;
use super::progress::Progress;
use super::randomisation::RandomisationArgs;
use super::table::{Table, percent};
use crate::beacon::{DEFAULT_DEV_CHAIN, OperatorKey, dev_genesis};
use crate::domain::{BlockHash, BlockNumber, Contest, DeploymentRules, EnvId, Hotkey, printable};
use crate::policy::{ClientOptions, Endpoint, PlatformCredential, PolicyClient, Secret};
use crate::service::executor::{Ended, PhysicsPool, Runner};
use crate::service::files::{MAX_SECRET_BYTES, read_text_capped};
use crate::service::trial::Trial;
use crate::service::trial_report::{EnvironmentRow, TrialReport, check_name};

/// Most episodes at the same time; each has a connection of its own.
const MAX_CONCURRENCY: i64 = 1_024;

/// Run the paying engine against your own endpoint and see the success rates
///
/// Example: kinitro evaluate http://127.0.0.1:8001 --env metaworld/reach-v3 --episodes 10
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    /// The policy's URL; private and loopback addresses are allowed here
    url: String,

    /// Environment to run, repeatable; default: the eight of the default contest
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<EnvId>,

    /// Episodes of each environment
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    episodes: u32,

    /// Block of the development chain that gives the worlds; the same number gives the same worlds
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Genesis of the development chain that gives the worlds
    #[arg(long, value_name = "HASH")]
    genesis: Option<BlockHash>,

    /// Your hotkey, from which the policy's own seed is derived; default: a development key
    #[arg(long, value_name = "SS58")]
    hotkey: Option<Hotkey>,

    /// Episodes at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=MAX_CONCURRENCY))]
    concurrency: u16,

    /// Steps of an episode
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=500))]
    max_steps: u32,

    #[command(flatten)]
    randomisation: RandomisationArgs,

    #[command(flatten)]
    cameras: CameraArgs,

    /// File with the bearer credential of your platform, sent to https endpoints only
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,

    /// Write each episode's transcript into this folder
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Write a report: rates, times of answers, missed steps, and videos of the first success and failure of each
    /// environment, as one page; the same as JSON, without videos, is written beside it
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

/// Runs the trial and prints rates with their intervals, and then writes what is to be written.
///
/// # Errors
/// A URL that may not be called or is never reached, unknown environments, missing assets. Other faults of the policy are
/// results, not errors.
pub async fn run(args: EvaluateArgs) -> anyhow::Result<()> {
    if let Some(path) = &args.report {
        check_name(path)?;
    }
    let contest = contest_of(&args)?;
    let endpoint = Endpoint::parse(&args.url, &contest.deployment).map_err(|error| anyhow::anyhow!("{error}"))?;
    super::environments::check(&contest.environments)?;
    let simulator = super::simulator::open()?;
    let client = PolicyClient::new(&contest.deployment, client_options(&args, &endpoint)?)?;
    let runner = Runner { simulator: simulator.clone(), policies: client, pool: PhysicsPool::start(0)? };
    let hotkey = args.hotkey.unwrap_or_else(|| OperatorKey::dev(super::mock_miner::DEFAULT_HOTKEY_NAME).hotkey());
    let genesis = args.genesis.unwrap_or_else(|| dev_genesis(DEFAULT_DEV_CHAIN));
    let trial = Arc::new(Trial { contest, genesis, block: BlockNumber(args.seed), hotkey });
    if let Some(folder) = &args.record {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let progress = Progress::new("episodes", trial.assignments().len() as u64);
    let mut done = 0;
    let results = trial
        .clone()
        .against(runner, endpoint, args.concurrency.into(), |_, _| {
            done += 1;
            progress.set(done);
        })
        .await;
    progress.clear();
    let mut report = TrialReport::of(&args.url, &trial, &results);
    // First of all: what was played is not lost by a file that cannot be written.
    print(&args, &report.environments, &results)?;
    if let Some(folder) = &args.record {
        for transcript in results.iter().filter_map(|(_, ended)| ended.as_ref().ok()) {
            let path = folder.join(format!("{}.ktr", transcript.id()));
            std::fs::write(&path, transcript.to_bytes()?)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    if let Some(path) = &args.report {
        let progress = Progress::new("videos", 0);
        let done = |done: usize, all: usize| {
            progress.set_total(all as u64);
            progress.set(done as u64);
        };
        let shown = report.show(&results, &simulator, &done);
        progress.clear();
        shown?;
        let json = report.write(path)?;
        if !args.json {
            println!("the report is in {} and {}", path.display(), json.display());
        }
    }
    reached(&args, &report.environments)
}

fn contest_of(args: &EvaluateArgs) -> anyhow::Result<Contest> {
    let default = Contest::default();
    let environments =
        if args.environments.is_empty() { default.environments.clone() } else { args.environments.clone() };
    let deployment = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
    Ok(Contest {
        environments,
        episodes_per_env: args.episodes,
        max_steps: args.max_steps,
        randomisation: args.randomisation.setting(),
        cameras: args.cameras.settings()?,
        deployment,
        ..default
    })
}

fn client_options(args: &EvaluateArgs, endpoint: &Endpoint) -> anyhow::Result<ClientOptions> {
    let mut options = ClientOptions {
        episodes_per_host: args.concurrency.into(),
        episodes_per_miner: args.concurrency.into(),
        ..ClientOptions::default()
    };
    if let Some(file) = &args.bearer_file {
        let text =
            read_text_capped(file, MAX_SECRET_BYTES).with_context(|| format!("cannot read {}", file.display()))?;
        let credential =
            PlatformCredential { host_pattern: endpoint.host().to_owned(), bearer: Secret::new(text.trim()) };
        options.credentials.push(credential);
    }
    Ok(options)
}

fn print(
    args: &EvaluateArgs,
    rows: &[EnvironmentRow],
    results: &[(crate::service::executor::Assignment, Ended)],
) -> anyhow::Result<()> {
    if args.json {
        return super::print_json(&rows);
    }
    let mut table = Table::new(&["environment", "success", "rate", "95 % interval", "mean reward", "faults"]);
    for row in rows {
        let faults = row.faults.iter().map(|(slug, count)| format!("{slug} ×{count}")).collect::<Vec<_>>();
        table.row([
            row.env_id.to_string(),
            format!("{} of {}", row.successes, row.episodes),
            percent(row.successes as usize, row.episodes as usize),
            format!("{:.2} – {:.2}", row.rate_low, row.rate_high),
            format!("{:.1}", row.mean_reward),
            if faults.is_empty() { "-".into() } else { faults.join(", ") },
        ]);
    }
    table.print();
    if let Some(lost) = results.iter().find_map(|(_, ended)| ended.as_ref().err()) {
        println!("some episodes were lost by a failure on this side: {} ({})", lost.fault, printable(&lost.note, 200));
    }
    Ok(())
}

/// An error when not one episode got through to the policy: then the rates say nothing about it.
fn reached(args: &EvaluateArgs, rows: &[EnvironmentRow]) -> anyhow::Result<()> {
    let unreachable: u32 = rows.iter().filter_map(|row| row.faults.get("unreachable")).sum();
    let all: u32 = rows.iter().map(|row| row.episodes).sum();
    if unreachable > 0 && unreachable == all {
        bail!("the endpoint could not be reached; does `curl {}/health` answer?", printable(&args.url, 200));
    }
    Ok(())
}
