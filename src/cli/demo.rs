//! `kinitro demo`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use super::camera_args::CameraArgs;
use super::progress::Progress;
use super::randomisation::RandomisationArgs;
use super::table::{Table, percent};
use crate::domain::{DEFAULT_ENVIRONMENTS, EnvId, Strategy, Uid};
use crate::replay::{Answer, Level, SignedCycle};
use crate::service::demo::{Demo, DemoEvent, DemoOptions, DemoOutcome, is_free};
use crate::service::settings::Settings;
use crate::service::shutdown;
use crate::service::validator::{Payment, Round};

/// One whole cycle on this machine: six mock miners, scores, weights, verification
///
/// Needs no set-up and touches nothing outside its folder. Example: kinitro demo --episodes 5 --envs metaworld/reach-v3
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Episodes of each environment
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    episodes: u32,

    /// Environments, apart by commas; default: the eight of the first contest
    #[arg(long, value_delimiter = ',', value_name = "ENV,…")]
    envs: Vec<EnvId>,

    /// Steps of an episode
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=500))]
    max_steps: u32,

    /// Which worlds: the cycle is anchored this many blocks later
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=8_000))]
    seed: u64,

    /// Who wins a subset of environments
    #[arg(long, value_enum, default_value_t = StrategyName::FirstCommit)]
    strategy: StrategyName,

    #[command(flatten)]
    randomisation: RandomisationArgs,

    #[command(flatten)]
    cameras: CameraArgs,

    /// Folder for everything it makes; must not exist yet. Default: a new one below `demo-data`
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,

    /// Keep the API up afterwards, until Ctrl-C
    #[arg(long)]
    stay: bool,

    /// What is logged
    #[arg(long, value_name = "FILTER", default_value = "warn")]
    log: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StrategyName {
    /// The earlier claim holds a tie
    FirstCommit,
    /// Better by more than the noise; a copy ties, and then neither is paid
    EpsilonPareto,
}

/// Runs the demo and prints what came of it.
///
/// # Errors
/// When something cannot start or an invariant is broken.
pub async fn run(args: DemoArgs) -> anyhow::Result<ExitCode> {
    let mut logging = Settings::default();
    logging.log.filter = args.log.clone();
    super::settings_args::start_log(&logging)?;
    let options = options(&args)?;
    let shutdown = shutdown::on_signal()?;
    println!("starting six mock miners and the daemon; everything is in {}", options.data_dir.display());
    let mut demo = tokio::select! {
        () = shutdown.cancelled() => bail!("interrupted"),
        demo = Demo::begin(&options, shutdown.clone()) => demo?,
    };
    let cycle = Progress::new("episodes", 0);
    let verification = Progress::new("verified", 0);
    let played = tokio::select! {
        () = shutdown.cancelled() => bail!("interrupted; run it again with another --data-dir"),
        played = demo.play(|event| show(&event, &cycle, &verification)) => played,
    };
    cycle.clear();
    verification.clear();
    let outcome = played?;
    let all_hold = report(&args, &options, &outcome);
    if args.stay && all_hold {
        println!("\nthe API stays up at {} (openapi at {}/openapi.json); Ctrl-C ends it", outcome.url, outcome.url);
        shutdown.cancelled().await;
    }
    demo.end().await?;
    if !all_hold {
        bail!("an invariant is broken: see above; everything is kept in {}", options.data_dir.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn options(args: &DemoArgs) -> anyhow::Result<DemoOptions> {
    let environments = if args.envs.is_empty() {
        DEFAULT_ENVIRONMENTS.iter().map(|id| id.parse()).collect::<Result<_, _>>()?
    } else {
        args.envs.clone()
    };
    super::environments::check(&environments)?;
    let data_dir = match &args.data_dir {
        Some(folder) if !is_free(folder) => {
            bail!("{} exists and is not empty; give a new folder with --data-dir", folder.display())
        }
        Some(folder) => folder.clone(),
        None => PathBuf::from("demo-data").join(jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string()),
    };
    let strategy = match args.strategy {
        StrategyName::FirstCommit => serde_json::from_value(serde_json::json!({ "name": "first_commit" }))?,
        StrategyName::EpsilonPareto => Strategy::EpsilonPareto,
    };
    Ok(DemoOptions {
        data_dir,
        environments,
        episodes_per_env: args.episodes,
        max_steps: args.max_steps,
        seed: args.seed,
        strategy,
        randomisation: args.randomisation.setting(),
        cameras: args.cameras.settings()?,
        program: std::env::current_exe().context("cannot find this program's own file")?,
    })
}

fn show(event: &DemoEvent<'_>, cycle: &Progress, verification: &Progress) {
    match event {
        DemoEvent::Begun { url, players } => {
            let mut table = Table::new(&["miner", "uid", "serves at"]);
            for (name, uid, address) in *players {
                table.row([name.clone(), uid.to_string(), address.clone()]);
            }
            table.print();
            println!("the API is at {url}; the cycle runs");
        }
        DemoEvent::Progress { done, total } => {
            cycle.set_total(*total);
            cycle.set(*done);
        }
        DemoEvent::Published => {
            cycle.clear();
            println!("the cycle is published; verifying every episode of it");
        }
        DemoEvent::Verified { done, total } => {
            verification.set_total(*total);
            verification.set(*done);
        }
    }
}

/// Prints the tables; whether every invariant holds.
fn report(args: &DemoArgs, options: &DemoOptions, outcome: &DemoOutcome) -> bool {
    let manifest = &outcome.signed.manifest;
    println!("\nSuccess rates of cycle {} (95 % interval), {} episodes an environment", manifest.cycle, args.episodes);
    rates(&outcome.signed, outcome).print();
    println!("\nPoints and weights ({})", manifest.contest.scoring.strategy_name());
    weights(&outcome.signed, outcome).print();
    if let Some(reason) = manifest.scores.standing.reason {
        println!("{}", reason.sentence());
    }
    println!("\nVerification");
    super::verify_print::print(&outcome.url, &outcome.report, outcome.verify_time.as_secs_f64());
    if let Round::Paid { weights, payment: Payment::Sent { block, .. }, .. } = &outcome.round {
        println!("a validator checked a sample and set {} weights on the chain in block {block}", weights.uids.len());
    }
    println!("\nInvariants");
    let mut table = Table::new(&["holds", "what must be so", "seen"]);
    for invariant in &outcome.invariants {
        let holds = if invariant.holds { "yes" } else { "NO" };
        table.row([holds.to_owned(), invariant.sentence.to_owned(), invariant.seen.clone()]);
    }
    table.print();
    println!(
        "\n{} episodes in {:.0} s, verified in {:.0} s: {}",
        manifest.episodes.len(),
        outcome.cycle_time.as_secs_f64(),
        outcome.verify_time.as_secs_f64(),
        outcome.report.answer
    );
    pictures(options, outcome);
    println!("manifest {}", outcome.signed.digest);
    println!("database, transcripts and chain are in {}", options.data_dir.display());
    println!(
        "look again: kinitro api --no-auth --data-dir {0} &  kinitro verify http://127.0.0.1:8000/v1/cycles/1",
        options.data_dir.display()
    );
    outcome.report.answer == Answer::Identical && outcome.invariants.iter().all(|invariant| invariant.holds)
}

/// How many pictures were drawn again, and how to look at some.
fn pictures(options: &DemoOptions, outcome: &DemoOutcome) {
    let manifest = &outcome.signed.manifest;
    let recorded = || manifest.episodes.iter().filter_map(|row| row.transcript_id.map(|id| (row, id.to_string())));
    let cameras = manifest.contest.cameras.len() as u64;
    let drawn: u64 = recorded().map(|(row, _)| (u64::from(row.steps) + 1) * cameras).sum();
    let frames = outcome.report.levels.iter().find(|level| level.level == Level::Frames);
    if let Some(frames) = frames.filter(|frames| frames.checked > 0) {
        let names = manifest.contest.cameras.iter().map(|camera| camera.name.as_str()).collect::<Vec<_>>();
        println!("{drawn} pictures of {} were drawn again: {}", names.join(" and "), frames.answer());
    }
    if let Some((row, id)) = recorded().find(|(row, _)| row.success).or_else(|| recorded().next()) {
        let (folder, transcript) = (options.data_dir.display(), format!("{}/{}.ktr", &id[..2], &id[2..]));
        println!(
            "watch {} by uid {}: kinitro replay {folder}/transcripts/{transcript} --video episode.mp4",
            row.environment, row.uid
        );
    }
}

fn name_of(outcome: &DemoOutcome, uid: Uid) -> String {
    let known = outcome.names.iter().find(|(known, ..)| *known == uid);
    known.map_or_else(|| format!("uid {uid}"), |(_, _, name)| name.clone())
}

fn rates(signed: &SignedCycle, outcome: &DemoOutcome) -> Table {
    let manifest = &signed.manifest;
    let mut header = vec!["environment".to_owned()];
    header.extend(manifest.scores.miners.iter().map(|miner| name_of(outcome, miner.uid)));
    let mut table = Table::new(&header);
    for (place, environment) in manifest.contest.environments.iter().enumerate() {
        let mut row = vec![environment.task_name().to_owned()];
        row.extend(manifest.scores.miners.iter().map(|miner| {
            let score = &miner.environments[place];
            let share = percent(score.successes as usize, score.episodes as usize);
            format!("{share} ({:.2}–{:.2})", score.interval.low, score.interval.high)
        }));
        table.row(row);
    }
    table
}

fn weights(signed: &SignedCycle, outcome: &DemoOutcome) -> Table {
    let manifest = &signed.manifest;
    let standing = &manifest.scores.standing;
    let mut table = Table::new(&["miner", "uid", "claimed in block", "points", "weight", "faults"]);
    for miner in &manifest.scores.miners {
        let faults: u32 = miner.environments.iter().map(|score| score.failed).sum();
        table.row([
            name_of(outcome, miner.uid),
            miner.uid.to_string(),
            miner.block.to_string(),
            standing.points.get(&miner.uid).map(ToString::to_string).unwrap_or_default(),
            standing.weights.get(&miner.uid).map_or_else(|| "-".into(), |weight| format!("{weight:.6}")),
            faults.to_string(),
        ]);
    }
    table
}
