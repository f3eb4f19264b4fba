//! `kinitro daemon`, `api`, `scheduler`, `executor`

use std::net::SocketAddr;

use clap::Args;

use super::settings_args::{SettingsArgs, start_log};
use crate::domain::EnvId;
use crate::service::roles::{self, Ready};
use crate::service::settings::Settings;
use crate::service::shutdown;

/// Run API, scheduler and executor in one process on SQLite: the embedded default
///
/// Example: kinitro daemon --config kinitro.toml
#[derive(Debug, Args)]
pub struct DaemonArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    api: ApiFlags,
    #[command(flatten)]
    scheduler: SchedulerFlags,
    #[command(flatten)]
    executor: ExecutorFlags,
}

/// Serve the REST API: task queue, scores, manifests, transcripts
///
/// Example: kinitro api --data-dir /var/lib/kinitro --listen 127.0.0.1:8000
#[derive(Debug, Args)]
pub struct ApiArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    api: ApiFlags,
}

/// Open cycles, watch them, score and publish them; one per data folder
///
/// Example: kinitro scheduler --data-dir /var/lib/kinitro --eval-interval 3600
#[derive(Debug, Args)]
pub struct SchedulerArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    scheduler: SchedulerFlags,
}

/// Run episodes: lease tasks from an API, call policies, hand results in
///
/// The API key is read from KINITRO_API_KEY or from the file named in the settings.
/// Example: KINITRO_API_KEY=… kinitro executor --api-url http://operator.example:8000 --executor-id rack-3
#[derive(Debug, Args)]
pub struct ExecutorArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// URL of the API
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    #[command(flatten)]
    executor: ExecutorFlags,
}

#[derive(Debug, Args)]
struct ApiFlags {
    /// Address to listen on; port 0 takes a free one and prints it
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Let executors in without a key; on loopback only
    #[arg(long)]
    no_auth: bool,
}

#[derive(Debug, Args)]
struct SchedulerFlags {
    /// Stop after this many cycles
    #[arg(long, value_name = "N")]
    max_cycles: Option<u64>,
    /// Seconds from the start of one cycle to the start of the next
    #[arg(long, value_name = "SECONDS")]
    eval_interval: Option<u64>,
}

#[derive(Debug, Args)]
struct ExecutorFlags {
    /// Name of this executor
    #[arg(long = "executor-id", value_name = "NAME")]
    id: Option<String>,
    /// Episodes in flight at once
    #[arg(long, value_name = "N")]
    max_in_flight: Option<usize>,
    /// Take only tasks of this environment, repeatable
    #[arg(long = "env", value_name = "ENV")]
    environments: Vec<EnvId>,
}

impl ApiFlags {
    fn apply(&self, settings: &mut Settings) {
        if let Some(listen) = self.listen {
            settings.api.listen = listen;
        }
        settings.api.no_auth |= self.no_auth;
    }
}

impl SchedulerFlags {
    fn apply(&self, settings: &mut Settings) {
        if self.max_cycles.is_some() {
            settings.scheduler.max_cycles = self.max_cycles;
        }
        if let Some(seconds) = self.eval_interval {
            settings.scheduler.eval_interval_s = seconds;
        }
    }
}

impl ExecutorFlags {
    fn apply(&self, settings: &mut Settings) {
        if let Some(id) = &self.id {
            settings.executor.id = id.clone();
        }
        if let Some(max) = self.max_in_flight {
            settings.executor.max_in_flight = max;
        }
        if !self.environments.is_empty() {
            settings.executor.environments = self.environments.clone();
        }
    }
}

/// Says on standard output that the role is up; scripts wait for this line.
fn announce(role: &'static str) -> Ready {
    Box::new(move |address| match address {
        Some(address) => println!("kinitro {role} is up at http://{address}"),
        None => println!("kinitro {role} is up"),
    })
}

/// Runs the daemon until Ctrl-C.
///
/// # Errors
/// What cannot start, with what to do.
pub async fn daemon(args: DaemonArgs) -> anyhow::Result<()> {
    let settings = args.settings.load_with(|settings| {
        args.api.apply(settings);
        args.scheduler.apply(settings);
        args.executor.apply(settings);
    })?;
    start_log(&settings)?;
    Ok(roles::daemon(settings, shutdown::on_signal()?, announce("daemon")).await?)
}

/// Runs the API until Ctrl-C.
///
/// # Errors
/// What cannot start, with what to do.
pub async fn api(args: ApiArgs) -> anyhow::Result<()> {
    let settings = args.settings.load_with(|settings| args.api.apply(settings))?;
    start_log(&settings)?;
    Ok(roles::api(settings, shutdown::on_signal()?, announce("api")).await?)
}

/// Runs the scheduler until Ctrl-C.
///
/// # Errors
/// What cannot start, with what to do.
pub async fn scheduler(args: SchedulerArgs) -> anyhow::Result<()> {
    let settings = args.settings.load_with(|settings| args.scheduler.apply(settings))?;
    start_log(&settings)?;
    Ok(roles::schedule(settings, shutdown::on_signal()?, announce("scheduler")).await?)
}

/// Runs an executor until Ctrl-C.
///
/// # Errors
/// What cannot start, with what to do.
pub async fn executor(args: ExecutorArgs) -> anyhow::Result<()> {
    let settings = args.settings.load_with(|settings| {
        if let Some(url) = &args.api_url {
            settings.executor.api_url = url.clone();
        }
        args.executor.apply(settings);
    })?;
    start_log(&settings)?;
    Ok(roles::execute(settings, shutdown::on_signal()?, announce("executor")).await?)
}
