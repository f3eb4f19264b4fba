//! `kinitro doctor`

use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::doctor_miner::DoctorMinerArgs;
use super::settings_args::SettingsArgs;
use super::table::Table;
use crate::domain::{Renderer, RendererProfile};
use crate::service::appliance::open_simulator;
use crate::service::chain_access::{open_chain, open_key};
use crate::service::settings::Settings;
use crate::service::trial::{LocalPolicy, run_locally};
use crate::sim::{self, SimError};
use crate::store::{DataDir, Role, SqliteSettings, SqliteStore, Store};

/// Free space below which a cycle of the default size may not fit: 400 transcripts of up to 96 KiB a miner, of
/// some fifty miners.
const MIN_FREE_MIB: u64 = 2_048;
/// Open files that the default limits of API and executor need.
const MIN_OPEN_FILES: u64 = 2_048;

/// Is this machine fit for the work? Checks engine, assets, data folder, database, chain, limits
///
/// Example: kinitro doctor --config kinitro.toml
/// With --miner it looks at a policy's server: kinitro doctor --miner alice-policy
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    settings: SettingsArgs,

    #[command(flatten)]
    miner: DoctorMinerArgs,

    /// Print JSON for scripts
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    ok: bool,
    seen: String,
}

impl Check {
    fn of<E: std::fmt::Display>(what: &'static str, result: Result<String, E>) -> Check {
        match result {
            Ok(seen) => Check { what, ok: true, seen },
            Err(error) => Check { what, ok: false, seen: error.to_string() },
        }
    }
}

/// Runs every check; the exit status is 0 when all are good.
///
/// # Errors
/// When the settings cannot be used.
pub async fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let settings = args.settings.load()?;
    if let Some(deployment) = &args.miner.miner {
        return super::doctor_miner::run(&args.miner, deployment, &settings, args.json).await;
    }
    let checks = vec![
        engine(&settings),
        renderers(&settings),
        Check::of("data folder and database", data(&settings).await),
        Check::of("free space", free_space(&settings.storage.data_dir)),
        Check::of("open files", open_files()),
        Check::of("chain", chain(&settings).await),
        Check::of("API address", address(&settings).await),
    ];
    let all = checks.iter().all(|check| check.ok);
    if args.json {
        super::print_json(&checks)?;
    } else {
        let mut table = Table::new(&["check", "", "seen"]);
        for check in &checks {
            table.row([check.what, if check.ok { "good" } else { "BAD" }, &check.seen]);
        }
        table.print();
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Opens the engine and plays one short episode of an expert.
fn engine(settings: &Settings) -> Check {
    let played = open_simulator(settings).and_then(|simulator| {
        let fingerprint = simulator.fingerprint().clone();
        let trial = super::local_runs::trial(crate::domain::Contest { max_steps: 60, ..settings.contest.clone() }, 1);
        let assignment = trial.assignments().into_iter().next();
        if let Some(assignment) = assignment {
            run_locally(&simulator, &trial.contest, &assignment, LocalPolicy::Random)?;
        }
        Ok(format!(
            "MuJoCo {}, maths {}, fingerprint {}",
            fingerprint.mujoco_version,
            fingerprint.maths,
            fingerprint.digest().short()
        ))
    });
    Check::of("engine and assets", played)
}

/// Names what can draw here; good when that is all that the contest needs.
fn renderers(settings: &Settings) -> Check {
    let gl = match sim::renderer(RendererProfile::MujocoGl) {
        Ok(Renderer::MujocoGl(driver)) => format!("mujoco-gl on {driver}"),
        Ok(Renderer::Reference) | Err(SimError::GlNotBuilt) => "mujoco-gl is not in this build".to_owned(),
        Err(error) => format!("no mujoco-gl: {error}"),
    };
    let needed = sim::renderer(settings.contest.renderer);
    Check::of("renderers", needed.map(|_| format!("reference; {gl}")))
}

async fn data(settings: &Settings) -> anyhow::Result<String> {
    let folder = &settings.storage.data_dir;
    let _lock = DataDir::open(folder, Role::Api)?;
    let store = SqliteStore::open(&DataDir::database_path(folder), SqliteSettings::default())?;
    let scale = store.scale().await?;
    Ok(format!("{}: schema {}, {} KiB", folder.display(), scale.schema_version, scale.bytes / 1024))
}

fn free_space(folder: &Path) -> anyhow::Result<String> {
    let stat = rustix::fs::statvfs(folder)?;
    let free_mib = stat.f_bavail.saturating_mul(stat.f_frsize) / (1024 * 1024);
    anyhow::ensure!(free_mib >= MIN_FREE_MIB, "{free_mib} MiB are free; a cycle needs {MIN_FREE_MIB} MiB: make room");
    Ok(format!("{free_mib} MiB"))
}

fn open_files() -> anyhow::Result<String> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let allowed = limit.current.unwrap_or(u64::MAX);
    anyhow::ensure!(
        allowed >= MIN_OPEN_FILES,
        "{allowed} are allowed; set `ulimit -n {MIN_OPEN_FILES}` or LimitNOFILE in the unit"
    );
    Ok(format!("{allowed} allowed"))
}

async fn chain(settings: &Settings) -> anyhow::Result<String> {
    let chain = open_chain(settings).await?;
    let head = chain.finalized_head().await?;
    let key = open_key(settings)?.hotkey();
    Ok(format!("{}: finalized block {}, own hotkey {key}", chain.network(), head.number))
}

async fn address(settings: &Settings) -> anyhow::Result<String> {
    let address = settings.api.listen;
    match tokio::net::TcpListener::bind(address).await {
        Ok(_) => Ok(format!("{address} is free")),
        Err(error) => anyhow::bail!("{address}: {error}; is the daemon running? Else choose another with --listen"),
    }
}
