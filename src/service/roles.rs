//! The long-running roles put together: one process, one shutdown token, and what ends it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::api::{self, Access, ApiState, OpenElsewhere};
use super::appliance::{Appliance, OpenError, open_simulator};
use super::chain_access::ChainAccess;
use super::credentials::{self, Credentials};
use super::executor::{Executor, ExecutorError, ExecutorOptions, PhysicsPool};
use super::files::{MAX_SECRET_BYTES, read_text_capped};
use super::http_server::{HttpLimits, serve};
use super::scheduler::{Describer, Scheduler, SchedulerOptions};
use super::settings::{ApiSettings, ExecutorSettings, Settings};
use super::supervision::{Pulse, notify_until_stopped};
use super::task_client::{ClientSetupError, HttpTaskClient};
use super::tasks::{TaskQueue, TaskService, TaskServiceSettings};
use super::validator::Validator;
use crate::domain::{DeploymentRules, ParseError};
use crate::hub::repository::{DEFAULT_ENDPOINT, ENDPOINT_VARIABLE, HubReader, ReadCache};
use crate::hub::{HubError, Patience};
use crate::policy::{ClientOptions, PlatformCredential, Secret};
use crate::sim::{self, Simulator};
use crate::store::Role;

/// The variable that holds an executor's API key.
const API_KEY_VARIABLE: &str = "KINITRO_API_KEY";

/// The data folder's own folder of what was read of model repositories; it may be deleted at any time.
const REPOSITORIES_FOLDER: &str = "repositories";

/// How long the service manager may take to hear that the process stops.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Why a role ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// Something it needs cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address is taken or not ours.
    #[error("cannot listen on {address}: {error}; stop what uses it, or choose another with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// `no_auth` where strangers could connect.
    #[error(transparent)]
    NoAuth(#[from] OpenElsewhere),
    /// The executor cannot start.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The API's address or key cannot be used.
    #[error(transparent)]
    Client(#[from] ClientSetupError),
    /// A file with a credential cannot be read.
    #[error("cannot read the credential in {file}: {error}")]
    Credential {
        /// The file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The hub of model repositories cannot be asked.
    #[error("[scheduler] hub_endpoint: {0}")]
    Hub(#[from] HubError),
    /// What was read of repositories cannot be kept.
    #[error("cannot use the folder {folder} for what was read of repositories: {error}")]
    ReadCache {
        /// The folder.
        folder: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// The executor's name is none.
    #[error(transparent)]
    Name(#[from] ParseError),
    /// A part ended that should have gone on.
    #[error("the {0} ended unexpectedly; its last log lines say why")]
    Ended(&'static str),
}

/// Told once a role is up: the address that it serves, where it serves one.
pub type Ready = Box<dyn FnOnce(Option<SocketAddr>) + Send>;

/// API, scheduler and executor in one process.
///
/// # Errors
/// [`RoleError`] when something cannot start or a part breaks; `Ok` after `shutdown`, or when the set number of cycles is done.
pub async fn daemon(settings: Settings, shutdown: CancellationToken, ready: Ready) -> Result<(), RoleError> {
    let (listener, access) = listen(&settings.api).await?;
    let (appliance, simulator) = open(&settings, Role::Daemon).await?;
    let chain = ChainAccess::open(&settings).await?;
    find_renderer(&settings).await?;
    let tasks = Arc::new(task_service(&appliance, &settings.api));
    let executor = start_executor(&settings.executor, &settings.contest.deployment, tasks.clone(), &simulator).await?;
    take_back(&appliance, &settings.executor).await?;
    let scheduler = scheduler(&settings, &appliance, chain, &simulator)?;
    let address = listener.local_addr().ok();
    let mut parts = Parts::new(shutdown.clone());
    let stop = shutdown.clone();
    parts.spawn(scheduler.pulse(), async move {
        scheduler.run(stop.clone()).await;
        // The set number of cycles is done, so the whole is.
        stop.cancel();
        Ok(())
    });
    parts.spawn(executor.pulse(), async move { Ok(executor.run(shutdown).await?) });
    parts.serve(listener, api_state(&settings, &appliance, tasks, access), &settings.api);
    ready(address);
    parts.run().await
}

/// The REST API alone.
///
/// # Errors
/// As [`daemon`].
pub async fn api(settings: Settings, shutdown: CancellationToken, ready: Ready) -> Result<(), RoleError> {
    let (listener, access) = listen(&settings.api).await?;
    let appliance = open_appliance(&settings, Role::Api).await?;
    let tasks = Arc::new(task_service(&appliance, &settings.api));
    let address = listener.local_addr().ok();
    let mut parts = Parts::new(shutdown);
    parts.serve(listener, api_state(&settings, &appliance, tasks, access), &settings.api);
    ready(address);
    parts.run().await
}

/// The scheduler alone.
///
/// # Errors
/// As [`daemon`].
pub async fn schedule(settings: Settings, shutdown: CancellationToken, ready: Ready) -> Result<(), RoleError> {
    let (appliance, simulator) = open(&settings, Role::Scheduler).await?;
    let chain = ChainAccess::open(&settings).await?;
    let scheduler = scheduler(&settings, &appliance, chain, &simulator)?;
    let mut parts = Parts::new(shutdown.clone());
    parts.spawn(scheduler.pulse(), async move {
        scheduler.run(shutdown.clone()).await;
        shutdown.cancel();
        Ok(())
    });
    ready(None);
    parts.run().await
}

/// An executor alone, pulling its work from the API over HTTP.
///
/// # Errors
/// As [`daemon`].
pub async fn execute(settings: Settings, shutdown: CancellationToken, ready: Ready) -> Result<(), RoleError> {
    let given = || Credentials::own().file(credentials::API_KEY);
    let variable = std::env::var(API_KEY_VARIABLE).ok().filter(|key| !key.is_empty());
    let key = match (&settings.executor.api_key_file, variable) {
        (Some(file), _) => Some(read_secret(file)?),
        (None, Some(key)) => Some(Secret::new(&key)),
        (None, None) => given().map(|file| read_secret(&file)).transpose()?,
    };
    let queue = Arc::new(HttpTaskClient::new(&settings.executor.api_url, key)?);
    let for_simulator = settings.clone();
    let simulator = blocking(move || open_simulator(&for_simulator)).await.map_err(OpenError::from)?;
    find_renderer(&settings).await?;
    let executor = start_executor(&settings.executor, &settings.contest.deployment, queue, &simulator).await?;
    let mut parts = Parts::new(shutdown.clone());
    parts.spawn(executor.pulse(), async move { Ok(executor.run(shutdown).await?) });
    ready(None);
    parts.run().await
}

/// A validator, which looks at cycles until `shutdown`.
pub async fn validate(validator: Validator, shutdown: CancellationToken) {
    let telling = tokio::spawn(notify_until_stopped(validator.pulses(), shutdown.clone()));
    validator.run(shutdown).await;
    last_word(telling).await;
}

/// Waits for the service manager to hear that the process stops; it may not, and the end does not wait for that.
async fn last_word(telling: JoinHandle<()>) {
    let _ = tokio::time::timeout(LAST_WORD, telling).await;
}

/// The parts of a process. When one ends before it was asked to, the others are stopped too and the process ends.
struct Parts {
    tasks: JoinSet<(&'static str, Result<(), RoleError>)>,
    pulses: Vec<Pulse>,
    shutdown: CancellationToken,
}

impl Parts {
    fn new(shutdown: CancellationToken) -> Parts {
        Parts { tasks: JoinSet::new(), pulses: Vec::new(), shutdown }
    }

    fn spawn(&mut self, pulse: Pulse, part: impl Future<Output = Result<(), RoleError>> + Send + 'static) {
        self.pulses.push(pulse.clone());
        self.tasks.spawn(async move { (pulse.name(), pulse.keep(part).await) });
    }

    fn serve(&mut self, listener: TcpListener, state: ApiState, settings: &ApiSettings) {
        api::install_metrics();
        let limits = HttpLimits {
            max_connections: settings.max_connections,
            max_per_address: settings.max_connections_per_address,
            ..HttpLimits::default()
        };
        let shutdown = self.shutdown.clone();
        let pulse = Pulse::new("API");
        if let Ok(address) = listener.local_addr() {
            pulse.doing(&format!("API at {address}"), Duration::MAX);
        }
        self.spawn(pulse, async move {
            if let Err(error) = serve(listener, api::routes(state), limits, shutdown).await {
                tracing::error!(%error, "the API cannot serve any more");
            }
            Ok(())
        });
    }

    async fn run(mut self) -> Result<(), RoleError> {
        let telling = tokio::spawn(notify_until_stopped(std::mem::take(&mut self.pulses), self.shutdown.clone()));
        let mut broken = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let (name, answer) = ended.unwrap_or_else(|error| {
                tracing::error!(%error, "a part of the service panicked; this is a fault of the program");
                ("service", Ok(()))
            });
            if !self.shutdown.is_cancelled() {
                broken = answer.and(Err(RoleError::Ended(name)));
                self.shutdown.cancel();
            }
        }
        last_word(telling).await;
        broken
    }
}

async fn listen(settings: &ApiSettings) -> Result<(TcpListener, Access), RoleError> {
    let address = settings.listen;
    let access = if settings.no_auth { Access::open_on(address)? } else { Access::Keys };
    let listener = TcpListener::bind(address).await.map_err(|error| RoleError::Listen { address, error })?;
    Ok((listener, access))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

async fn open_appliance(settings: &Settings, role: Role) -> Result<Appliance, RoleError> {
    let settings = settings.clone();
    Ok(blocking(move || Appliance::open(&settings, role)).await?)
}

async fn open(settings: &Settings, role: Role) -> Result<(Appliance, Simulator), RoleError> {
    let appliance = open_appliance(settings, role).await?;
    let settings = settings.clone();
    let simulator = blocking(move || open_simulator(&settings)).await.map_err(OpenError::from)?;
    Ok((appliance, simulator))
}

/// Whether this machine can draw what the contest asks for, so that its absence stops the start and no episode.
async fn find_renderer(settings: &Settings) -> Result<(), RoleError> {
    let profile = settings.contest.renderer;
    blocking(move || sim::renderer(profile)).await.map_err(OpenError::from)?;
    Ok(())
}

/// What the daemon before this one was working on when it ended: its executor ended with it, so nobody waits for its
/// leases to expire.
async fn take_back(appliance: &Appliance, settings: &ExecutorSettings) -> Result<(), RoleError> {
    let taken = appliance.store.release_dead(settings.id.parse()?).await.map_err(OpenError::from)?;
    if taken > 0 {
        tracing::info!(tasks = taken, "taking back what an earlier daemon was working on");
    }
    Ok(())
}

fn task_service(appliance: &Appliance, settings: &ApiSettings) -> TaskService {
    let settings = TaskServiceSettings { lease: Duration::from_millis(settings.lease_ms), ..Default::default() };
    TaskService::new(appliance.store.clone(), appliance.blobs.clone(), settings)
}

fn api_state(settings: &Settings, appliance: &Appliance, tasks: Arc<TaskService>, access: Access) -> ApiState {
    ApiState {
        store: appliance.store.clone(),
        blobs: appliance.blobs.clone(),
        tasks,
        environments: Arc::new(settings.contest.environments.clone()),
        access,
    }
}

fn scheduler(
    settings: &Settings,
    appliance: &Appliance,
    chain: ChainAccess,
    simulator: &Simulator,
) -> Result<Scheduler, RoleError> {
    let options = SchedulerOptions {
        netuid: chain.netuid,
        contest: settings.contest.clone(),
        eval_interval: Duration::from_secs(settings.scheduler.eval_interval_s),
        max_cycles: settings.scheduler.max_cycles,
        cycle_timeout: Duration::from_secs(settings.scheduler.cycle_timeout_s),
        poll_interval: Duration::from_millis(settings.scheduler.poll_interval_ms),
        probe: settings.scheduler.probe,
        publish_digest_on_chain: settings.scheduler.publish_digest_on_chain,
    };
    let scheduler = Scheduler::new(
        options,
        chain.chain,
        appliance.store.clone(),
        appliance.blobs.clone(),
        chain.key,
        simulator.fingerprint().clone(),
    );
    Ok(match settings.contest.repository {
        None => scheduler,
        Some(_) => scheduler.with_describer(describer(settings)?),
    })
}

fn describer(settings: &Settings) -> Result<Describer, RoleError> {
    let folder = settings.storage.data_dir.join(REPOSITORIES_FOLDER);
    let cache = ReadCache::open(&folder)
        .map_err(|error| RoleError::ReadCache { folder: folder.display().to_string(), error })?;
    let endpoint = settings.scheduler.hub_endpoint.clone().or_else(|| std::env::var(ENDPOINT_VARIABLE).ok());
    let endpoint = endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT);
    let hub = HubReader::new(endpoint, Some(cache), Patience::default())?;
    Ok(Describer::new(hub, Duration::from_secs(settings.scheduler.admission_time_s)))
}

async fn start_executor(
    settings: &ExecutorSettings,
    rules: &DeploymentRules,
    queue: Arc<dyn TaskQueue>,
    simulator: &Simulator,
) -> Result<Executor, RoleError> {
    let mut client = ClientOptions::default();
    let given = || Credentials::own().file(credentials::BEARER);
    if let Some(file) = settings.bearer_file.clone().or_else(given) {
        let bearer = read_secret(&file)?;
        let credential =
            |pattern: &String| PlatformCredential { host_pattern: pattern.clone(), bearer: bearer.clone() };
        client.credentials = rules.hosts.iter().map(credential).collect();
    }
    let options = ExecutorOptions {
        id: settings.id.parse()?,
        max_in_flight: settings.max_in_flight,
        environments: settings.environments.clone(),
        fault_settle: Duration::from_millis(settings.fault_settle_ms),
        client,
    };
    let pool = PhysicsPool::start(settings.physics_threads).map_err(ExecutorError::from)?;
    Ok(Executor::start(options, queue, simulator.clone(), pool).await?)
}

fn read_secret(file: &std::path::Path) -> Result<Secret, RoleError> {
    let text = read_text_capped(file, MAX_SECRET_BYTES)
        .map_err(|error| RoleError::Credential { file: file.display().to_string(), error })?;
    Ok(Secret::new(text.trim()))
}
