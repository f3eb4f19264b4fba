//! One whole cycle on one machine, nothing simulated but the chain: mock miners as processes, the daemon, a
//! verification of what it published, and a validator that sets the weights.

mod cast;
mod invariants;
mod stage;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::appliance::open_simulator;
use super::chain_access::{dev_key, open_dev_chain};
use super::published::{FetchError, Published, plain_http_client};
use super::roles::{self, RoleError};
use super::settings::Settings;
use super::validator::{Look, Round, Validator, ValidatorError, ValidatorOptions, chain_facts};
use super::verifier::{Subject, VerifyOptions, verify_cycle};
use crate::beacon::OperatorKey;
use crate::chain::{Chain, ChainError, DevChain, WEIGHTS_VERSION_KEY};
use crate::domain::{CameraSetting, CycleId, DeploymentRules, EnvId, Hotkey, Netuid, Randomisation, Strategy, Uid};
use crate::replay::{Report, Sample, SignedCycle};
use crate::sim::{SimError, Simulator};
use crate::transcript::EpisodeRow;

pub use cast::Part;
pub use invariants::Invariant;

/// The demo's subnet.
const NETUID: Netuid = Netuid(2);
/// How often progress is looked at.
const POLL: Duration = Duration::from_millis(250);
/// Silence of the API after which the demo gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// The size of a demo.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Folder for everything it makes.
    pub data_dir: PathBuf,
    /// Environments.
    pub environments: Vec<EnvId>,
    /// Episodes of each.
    pub episodes_per_env: u32,
    /// Steps of an episode.
    pub max_steps: u32,
    /// Which worlds.
    pub seed: u64,
    /// Who wins a subset of environments.
    pub strategy: Strategy,
    /// Variation of physics and looks.
    pub randomisation: Randomisation,
    /// What the miners see.
    pub cameras: Vec<CameraSetting>,
    /// This program, which plays the mock miners.
    pub program: PathBuf,
}

/// Why a demo could not go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A mock miner or a file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The simulator.
    #[error(transparent)]
    Simulator(#[from] SimError),
    /// The daemon ended early.
    #[error("the daemon ended: {0}")]
    Daemon(#[from] RoleError),
    /// What was published could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The validator's round failed.
    #[error("validator: {0}")]
    Validator(#[from] ValidatorError),
    /// The cycle was given up.
    #[error("the cycle was given up; the log above says why")]
    GivenUp,
    /// The API says nothing any more.
    #[error("the API did not answer for half a minute: {0}")]
    Silent(String),
    /// A part of the demo panicked.
    #[error("a part of the demo panicked; this is a fault of the program")]
    Panicked,
}

/// What happens while a demo runs.
pub enum DemoEvent<'a> {
    /// Everybody is up and the cycle begins.
    Begun {
        /// The API.
        url: &'a str,
        /// Name, uid and URL of each player.
        players: &'a [(String, Uid, String)],
    },
    /// Tasks that are final, of all.
    Progress {
        /// Final ones.
        done: u64,
        /// All.
        total: u64,
    },
    /// The manifest is out; what follows is its verification.
    Published,
    /// Episodes verified, of all.
    Verified {
        /// Verified ones.
        done: u64,
        /// All.
        total: u64,
    },
}

/// Everything a demo showed.
pub struct DemoOutcome {
    /// The published cycle.
    pub signed: SignedCycle,
    /// Who is who.
    pub names: Vec<(Uid, Hotkey, String)>,
    /// The verification of the whole cycle.
    pub report: Report,
    /// What the validator did.
    pub round: Round,
    /// The invariants that the demo can see, each with what was seen.
    pub invariants: Vec<Invariant>,
    /// The API, up until [`Demo::end`].
    pub url: String,
    /// Time of the cycle.
    pub cycle_time: Duration,
    /// Time of the verification.
    pub verify_time: Duration,
}

/// A demo that is up.
pub struct Demo {
    settings: Settings,
    chain: DevChain,
    url: String,
    players: Vec<cast::Player>,
    uids: Vec<Uid>,
    validator: Arc<OperatorKey>,
    simulator: Simulator,
    daemon: tokio::task::JoinHandle<Result<(), RoleError>>,
    shutdown: CancellationToken,
}

#[derive(Deserialize)]
struct Stats {
    total_tasks: u64,
    pending_tasks: u64,
    assigned_tasks: u64,
}

#[derive(Deserialize)]
struct CyclesPage {
    cycles: Vec<CycleLine>,
}

#[derive(Deserialize)]
struct CycleLine {
    status: String,
}

impl Demo {
    /// Sets the chain up, starts the mock miners and the daemon.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn begin(options: &DemoOptions, shutdown: CancellationToken) -> Result<Demo, DemoError> {
        let settings = settings_of(options);
        let simulator = open_simulator(&settings)?;
        let chain = open_dev_chain(&settings)?;
        let assets = std::env::var_os("KINITRO_ASSETS").map(PathBuf::from);
        let parts = cast::parts(&options.environments, options.randomisation);
        let genesis = chain.genesis();
        let starting = parts.iter().map(|part| cast::start(part, &genesis, &options.program, assets.as_deref()));
        let players = futures_util::future::try_join_all(starting).await?;
        let (operator, validator) = (dev_key(&settings), OperatorKey::dev("demo validator"));
        let uids = stage::set(&chain, NETUID, &operator, &validator, &players, options.seed).await?;
        let (up, is_up) = tokio::sync::oneshot::channel();
        let ready: roles::Ready = Box::new(move |address| {
            let _ = up.send(address);
        });
        let mut daemon = tokio::spawn(roles::daemon(settings.clone(), shutdown.clone(), ready));
        let address = tokio::select! {
            address = is_up => address.ok().flatten(),
            ended = &mut daemon => return Err(ended_early(ended)),
        };
        let url = address.map(|address| format!("http://{address}")).ok_or(DemoError::Panicked)?;
        let validator = Arc::new(validator);
        Ok(Demo { settings, chain, url, players, uids, validator, simulator, daemon, shutdown })
    }

    /// Waits for the cycle, verifies it, sets the weights, and looks at the invariants.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn play(&mut self, mut tell: impl FnMut(DemoEvent<'_>)) -> Result<DemoOutcome, DemoError> {
        let players: Vec<(String, Uid, String)> =
            self.players.iter().zip(&self.uids).map(|(p, uid)| (p.name.to_owned(), *uid, p.url.clone())).collect();
        tell(DemoEvent::Begun { url: &self.url, players: &players });
        let started = Instant::now();
        self.wait_for_cycle(&mut tell).await?;
        let cycle_time = started.elapsed();
        tell(DemoEvent::Published);
        let published = Published::open(&self.url)?;
        let signed = Arc::new(published.manifest(CycleId(1)).await?);
        let started = Instant::now();
        let report = self.verify(signed.clone(), published.clone(), &mut tell).await?;
        let verify_time = started.elapsed();
        let round = self.set_weights(published).await?;
        let invariants = invariants::look(&signed, &report, &round, &self.named());
        let (names, url) = (self.named(), self.url.clone());
        let signed = Arc::unwrap_or_clone(signed);
        Ok(DemoOutcome { signed, names, report, round, invariants, url, cycle_time, verify_time })
    }

    /// Stops the daemon and the mock miners.
    ///
    /// # Errors
    /// When the daemon did not end well.
    pub async fn end(self) -> Result<(), DemoError> {
        self.shutdown.cancel();
        self.daemon.await.map_err(|_| DemoError::Panicked)?.map_err(DemoError::Daemon)
    }

    fn named(&self) -> Vec<(Uid, Hotkey, String)> {
        self.players.iter().zip(&self.uids).map(|(p, uid)| (*uid, p.hotkey, p.name.to_owned())).collect()
    }

    async fn wait_for_cycle(&mut self, tell: &mut impl FnMut(DemoEvent<'_>)) -> Result<(), DemoError> {
        let http = plain_http_client()?;
        let mut heard = Instant::now();
        loop {
            if self.daemon.is_finished() {
                return Err(ended_early((&mut self.daemon).await));
            }
            match self.look(&http).await {
                Ok((stats, status)) => {
                    heard = Instant::now();
                    let done = stats.total_tasks - stats.pending_tasks - stats.assigned_tasks;
                    tell(DemoEvent::Progress { done, total: stats.total_tasks });
                    match status.as_deref() {
                        Some("completed") => return Ok(()),
                        Some("failed") => return Err(DemoError::GivenUp),
                        _ => {}
                    }
                }
                Err(error) if heard.elapsed() > PATIENCE => return Err(DemoError::Silent(error.to_string())),
                Err(_) => {}
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn look(&self, http: &reqwest::Client) -> reqwest::Result<(Stats, Option<String>)> {
        let stats = http.get(format!("{}/v1/tasks/stats", self.url)).send().await?.error_for_status()?.json().await?;
        let cycles = http.get(format!("{}/v1/cycles", self.url)).send().await?.error_for_status()?;
        let page: CyclesPage = cycles.json().await?;
        Ok((stats, page.cycles.into_iter().next().map(|cycle| cycle.status)))
    }

    async fn verify(
        &self,
        signed: Arc<SignedCycle>,
        published: Published,
        tell: &mut impl FnMut(DemoEvent<'_>),
    ) -> Result<Report, DemoError> {
        let operator = dev_key(&self.settings).hotkey();
        let facts = chain_facts(&self.chain, NETUID, &signed.manifest, Some(operator)).await?;
        let (simulator, runtime) = (self.simulator.clone(), tokio::runtime::Handle::current());
        let (progress, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let mut verifying = tokio::task::spawn_blocking(move || {
            let fetch = |row: &EpisodeRow| published.transcript_of(row, &runtime);
            let subject = Subject {
                signed: &signed,
                previous: None,
                facts: &facts,
                transcripts: &fetch,
                simulator: Ok(&simulator),
            };
            verify_cycle(&subject, &VerifyOptions::default(), &|done, total| {
                let _ = progress.send((done, total));
            })
        });
        loop {
            tokio::select! {
                Some((done, total)) = heard.recv() => tell(DemoEvent::Verified { done, total }),
                report = &mut verifying => return report.map_err(|_| DemoError::Panicked),
            }
        }
    }

    async fn set_weights(&self, published: Published) -> Result<Round, DemoError> {
        let options = ValidatorOptions {
            netuid: NETUID,
            poll_interval: POLL,
            read: Sample::All,
            replays: Sample::Percent(10.0),
            threads: 2,
            operator: Some(dev_key(&self.settings).hotkey()),
            accept_unchecked_pictures: false,
            refresh_after_blocks: u64::MAX,
            version_key: WEIGHTS_VERSION_KEY,
            dry_run: false,
            data_dir: self.settings.storage.data_dir.clone(),
        };
        let chain: Arc<dyn Chain> = Arc::new(self.chain.clone());
        let validator = Validator::open(options, chain, self.validator.clone(), self.simulator.clone(), published)?;
        let round = validator.round(Look::New).await?;
        // The block that holds the weights, and enough behind it to make it final.
        self.chain.advance(10)?;
        Ok(round)
    }
}

fn ended_early(ended: Result<Result<(), RoleError>, tokio::task::JoinError>) -> DemoError {
    match ended {
        Ok(Ok(())) | Err(_) => DemoError::Panicked,
        Ok(Err(error)) => DemoError::Daemon(error),
    }
}

fn settings_of(options: &DemoOptions) -> Settings {
    let mut settings = Settings::default();
    settings.storage.data_dir = options.data_dir.clone();
    settings.chain.netuid = NETUID.0;
    settings.chain.wallet_name = "demo".into();
    settings.chain.dev_block_time_ms = 0;
    settings.contest.name = "demo".into();
    settings.contest.environments = options.environments.clone();
    settings.contest.episodes_per_env = options.episodes_per_env;
    settings.contest.max_steps = options.max_steps;
    settings.contest.randomisation = options.randomisation;
    settings.contest.cameras = options.cameras.clone();
    settings.contest.scoring.strategy = options.strategy.clone();
    // Mock miners on two cores have neighbours: a busy machine must not cost them steps.
    settings.contest.limits.act_timeout_ms = 5_000;
    settings.contest.limits.reset_timeout_ms = 30_000;
    settings.contest.deployment = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
    settings.api.listen = ([127, 0, 0, 1], 0).into();
    settings.scheduler.eval_interval_s = u64::from(u32::MAX);
    settings.executor.id = "demo".into();
    settings.executor.max_in_flight = 48;
    settings
}

/// Whether a folder may be used for a new demo: it does not exist yet, or is empty.
pub fn is_free(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}
