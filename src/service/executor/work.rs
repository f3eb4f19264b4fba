//! The executor's loop.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::super::panic_text::panic_text;
use super::assignment::Assignment;
use super::fault_judge::FaultJudge;
use super::lease::{Held, keep_alive};
use super::outage::Outages;
use super::pool::PhysicsPool;
use super::report::report;
use super::rollout::{Ended, Lost, Runner};
use super::signs::Signs;
use crate::beacon::policy_seed;
use crate::domain::{Contest, Digest, EnvId, ExecutorId, Fault, FaultReason, Outcome, Party, printable};
use crate::policy::mock_miner::KnownWorld;
use crate::policy::{ClientOptions, Endpoint, PolicyClient, PolicyError, ReferenceServer};
use crate::service::supervision::Pulse;
use crate::service::tasks::{FetchRequest, MAX_FETCH, TaskError, TaskQueue, TaskResult};
use crate::sim::Simulator;
use crate::store::{Leased, LeasedTask};
use crate::transcript::Transcript;

/// Pause when there is nothing to do, doubled up to the longest.
const FIRST_IDLE: Duration = Duration::from_millis(50);
const LONGEST_IDLE: Duration = Duration::from_secs(2);
/// How long handing in and giving back may take at shutdown; what is not done then is done by expiring leases.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(5);
/// How long a request for tasks that is under way at shutdown is waited for.
const FETCH_GRACE: Duration = Duration::from_secs(1);
/// Results that may wait for being handed in; more make their episodes wait.
const RESULT_QUEUE: usize = 256;
/// Pause after a transcript was not taken, doubled up to the longest.
const FIRST_UPLOAD_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_UPLOAD_PAUSE: Duration = Duration::from_secs(10);
/// Tries to hand a transcript over before its episode is lost: some five minutes, in which a full disk can be given room.
const MAX_UPLOADS: u32 = 35;

/// Tasks held for each place in flight, those included that wait for their fault to be judged or their result to be taken.
const HELD_PER_PLACE: usize = 4;

/// An episode's place among those in flight.
struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn take(places: &Arc<Semaphore>) -> Place {
        metrics::gauge!("kinitro_episodes_in_flight").increment(1.0);
        // No more tasks are asked for than there are places; a queue that gives more is served all the same.
        Place { _permit: places.clone().try_acquire_owned().ok() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        metrics::gauge!("kinitro_episodes_in_flight").decrement(1.0);
    }
}

/// How an executor works.
#[derive(Clone)]
pub struct ExecutorOptions {
    /// Its name.
    pub id: ExecutorId,
    /// Episodes in flight at once.
    pub max_in_flight: usize,
    /// Environments it takes; empty is all.
    pub environments: Vec<EnvId>,
    /// How long a failure that could be ours waits for others like it before it is judged.
    pub fault_settle: Duration,
    /// How policies are called.
    pub client: ClientOptions,
}

/// Why an executor cannot work.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The threads or the reference server could not be started.
    #[error("the executor cannot start: {0}")]
    Start(#[from] std::io::Error),
    /// The queue will not have it; asking again cannot help.
    #[error("{0}")]
    Refused(TaskError),
    /// A part without which no result counts has ended.
    #[error(
        "the executor's part that {0} broke off, so it stops; the log says why, and tasks under way are played again"
    )]
    BrokeOff(&'static str),
}

/// Leases tasks, runs their episodes, hands results in.
pub struct Executor {
    options: ExecutorOptions,
    queue: Arc<dyn TaskQueue>,
    simulator: Simulator,
    pool: PhysicsPool,
    reference: ReferenceServer,
    outages: Outages,
    places: Arc<Semaphore>,
    clients: Mutex<BTreeMap<Digest, PolicyClient>>,
    signs: Signs,
}

impl Executor {
    /// An executor with its own physics threads and its own reference policy on loopback.
    ///
    /// # Errors
    /// [`ExecutorError::Start`].
    pub async fn start(
        options: ExecutorOptions,
        queue: Arc<dyn TaskQueue>,
        simulator: Simulator,
        pool: PhysicsPool,
    ) -> Result<Executor, ExecutorError> {
        let reference = ReferenceServer::start(simulator.clone()).await?;
        let outages = Outages::new(options.fault_settle);
        let places = Arc::new(Semaphore::new(options.max_in_flight));
        let (clients, signs) = (Mutex::default(), Signs::new());
        Ok(Executor { options, queue, simulator, pool, reference, outages, places, clients, signs })
    }

    /// Its signs of life.
    pub fn pulse(&self) -> Pulse {
        self.signs.pulse.clone()
    }

    /// Works until `shutdown`; then gives back what is not finished.
    ///
    /// # Errors
    /// [`ExecutorError::Refused`] when the queue does not take its key; [`ExecutorError::BrokeOff`].
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ExecutorError> {
        let this = Arc::new(self);
        // Its own token: leases are kept until the last episode has ended.
        let stop = CancellationToken::new();
        let held = Held::default();
        let (finished, results) = mpsc::channel(RESULT_QUEUE);
        let mut reporter = tokio::spawn(report(this.queue.clone(), this.options.id.clone(), held.clone(), results));
        let id = this.options.id.clone();
        let mut heartbeats = tokio::spawn(keep_alive(this.queue.clone(), id.clone(), held.clone(), stop.clone()));
        let worked = tokio::select! {
            biased;
            worked = this.clone().work(held.clone(), finished, shutdown) => worked,
            _ = &mut reporter => Err(ExecutorError::BrokeOff("hands results in")),
            _ = &mut heartbeats => Err(ExecutorError::BrokeOff("keeps leases")),
        };
        stop.cancel();
        let wind_up = async {
            // All senders are gone, so the reporter ends once everything is handed in.
            for part in [reporter, heartbeats] {
                if !part.is_finished() {
                    let _ = part.await;
                }
            }
            let rest = held.all();
            if !rest.is_empty() {
                tracing::info!(tasks = rest.len(), "giving unfinished tasks back");
                if let Err(error) = this.queue.release(id, rest).await {
                    tracing::warn!(%error, "tasks not given back; their leases will expire");
                }
            }
        };
        if tokio::time::timeout(SHUTDOWN_DEADLINE, wind_up).await.is_err() {
            tracing::warn!("shutdown took too long; what is left is taken over when its leases expire");
        }
        worked
    }

    /// Leases and runs until `shutdown`, then drops what is in flight.
    async fn work(
        self: Arc<Self>,
        held: Held,
        finished: mpsc::Sender<TaskResult>,
        shutdown: CancellationToken,
    ) -> Result<(), ExecutorError> {
        let mut episodes = JoinSet::new();
        let mut idle = FIRST_IDLE;
        let mut refused = Ok(());
        while !shutdown.is_cancelled() {
            while episodes.try_join_next().is_some() {}
            self.signs.give(episodes.len(), self.outages.pause_until().is_some());
            let room = self.room(episodes.len());
            let leased = match self.fetch(room, &shutdown).await {
                Ok(leased) => leased,
                Err(error) => {
                    refused = Err(error);
                    break;
                }
            };
            if leased.tasks.is_empty() {
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    Some(_) = episodes.join_next(), if !episodes.is_empty() => {}
                    Ok(_) = self.places.acquire(), if self.places.available_permits() == 0 => {}
                    () = tokio::time::sleep(idle), if room > 0 => idle = (idle * 2).min(LONGEST_IDLE),
                    () = tokio::time::sleep(LONGEST_IDLE), if room == 0 => {}
                }
                continue;
            }
            idle = FIRST_IDLE;
            for task in leased.tasks {
                let Some(contest) = leased.contests.get(&task.contest) else {
                    tracing::error!(task = %task.id, "a task came without its contest's settings; left alone");
                    continue;
                };
                let lost = held.take(task.id, task.lease_ms);
                let (this, contest, finished) = (self.clone(), Arc::new(contest.clone()), finished.clone());
                let place = Place::take(&self.places);
                episodes.spawn(async move {
                    tokio::select! {
                        () = lost.cancelled() => {}
                        result = this.episode_or_panic(&task, &contest, place) => {
                            // A closed channel means shutdown; the lease is given back then.
                            let _ = finished.send(result).await;
                        }
                    }
                });
            }
        }
        episodes.shutdown().await;
        refused
    }

    /// How many tasks may be taken now.
    fn room(&self, held: usize) -> usize {
        if self.outages.pause_until().is_some() {
            return 0;
        }
        let settling = (self.options.max_in_flight * HELD_PER_PLACE).saturating_sub(held);
        self.places.available_permits().min(settling).min(MAX_FETCH as usize)
    }

    /// Tasks for so many free places; none while the queue has none or does not answer.
    async fn fetch(&self, room: usize, shutdown: &CancellationToken) -> Result<Leased, ExecutorError> {
        if room == 0 {
            return Ok(Leased::default());
        }
        let request = FetchRequest {
            executor: self.options.id.clone(),
            limit: u32::try_from(room).unwrap_or(u32::MAX),
            environments: (!self.options.environments.is_empty()).then(|| self.options.environments.clone()),
            fingerprint: Some(self.simulator.fingerprint().digest()),
        };
        let mut fetching = self.queue.fetch(request);
        let fetched = tokio::select! {
            fetched = &mut fetching => fetched,
            // What it leased must be known to be given back.
            () = shutdown.cancelled() => match tokio::time::timeout(FETCH_GRACE, fetching).await {
                Ok(fetched) => fetched,
                Err(_) => return Ok(Leased::default()),
            },
        };
        self.signs.answered(fetched.is_ok());
        fetched.or_else(|error| {
            if matches!(error, TaskError::Unauthorized(_)) {
                return Err(ExecutorError::Refused(error));
            }
            tracing::warn!(error = %printable(&error.to_string(), 200), "no tasks fetched");
            Ok(Leased::default())
        })
    }

    /// A panic beside the physics threads ends its episode too: left alone, its lease would be renewed for ever.
    async fn episode_or_panic(&self, task: &LeasedTask, contest: &Contest, place: Place) -> TaskResult {
        let episode = AssertUnwindSafe(self.episode(task, contest, place)).catch_unwind().await;
        episode.unwrap_or_else(|panic| {
            metrics::counter!("kinitro_panics_total").increment(1);
            let note = format!("the executor panicked: {}", panic_text(panic.as_ref()));
            self.without_transcript(task, Lost { fault: Fault::new(FaultReason::EngineFailure), note })
        })
    }

    /// Runs one task to its result, its transcript stored.
    async fn episode(&self, task: &LeasedTask, contest: &Contest, place: Place) -> TaskResult {
        let ended = match self.client(task.contest, contest) {
            Ok(policies) => {
                let runner = Runner { simulator: self.simulator.clone(), policies, pool: self.pool.clone() };
                let endpoint = self.endpoint(task, contest);
                if let (Ok(endpoint), false) = (&endpoint, task.probe) {
                    self.outages.meet(task, endpoint);
                }
                runner.run(&self.options.id, &Assignment::of(task), contest, endpoint).await
            }
            Err(error) => Err(Lost { fault: Fault::new(FaultReason::EngineFailure), note: error.to_string() }),
        };
        // What is left is waiting: another episode may begin meanwhile.
        drop(place);
        let result = self.conclude(task, contest, ended).await;
        // Whether it succeeded stays secret until the cycle is published.
        self.signs.episode_ended();
        let outcome = result.fault.map_or("completed", |fault| fault.reason.slug());
        metrics::counter!("kinitro_episodes_total", "outcome" => outcome).increment(1);
        result
    }

    /// Where the policy of a task is called. The probe is our own reference policy, told this episode's world.
    fn endpoint(&self, task: &LeasedTask, contest: &Contest) -> Result<Endpoint, Fault> {
        if task.probe {
            let seed = policy_seed(&task.seed, &task.miner.hotkey);
            let world = KnownWorld { seed: task.seed, randomisation: contest.randomisation };
            self.reference.register(seed, &task.environment, task.index, world);
            return Ok(self.reference.endpoint());
        }
        Endpoint::parse(&task.endpoint, &contest.deployment).map_err(|_| Fault::new(FaultReason::EndpointRefused))
    }

    fn client(&self, digest: Digest, contest: &Contest) -> Result<PolicyClient, PolicyError> {
        let mut clients = self.clients.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(client) = clients.get(&digest) {
            return Ok(client.clone());
        }
        let client = PolicyClient::new(&contest.deployment, self.options.client.clone())?;
        clients.insert(digest, client.clone());
        Ok(client)
    }

    async fn conclude(&self, task: &LeasedTask, contest: &Contest, ended: Ended) -> TaskResult {
        let transcript = match ended {
            Ok(transcript) => transcript,
            Err(lost) => return self.without_transcript(task, lost),
        };
        let fault = self.judged(task, contest, transcript.footer.fault).await;
        if let Some(fault) = fault
            && fault.party() != Party::Miner
        {
            return self.without_transcript(task, Lost { fault, note: String::new() });
        }
        match self.store_transcript(&transcript).await {
            Ok(()) => self.with_transcript(task, &transcript),
            Err(note) => self.without_transcript(task, Lost { fault: Fault::new(FaultReason::StorageFailure), note }),
        }
    }

    /// The fault after looking whether it could be ours.
    async fn judged(&self, task: &LeasedTask, contest: &Contest, fault: Option<Fault>) -> Option<Fault> {
        if task.probe {
            return fault;
        }
        self.outages.note(task.miner.hotkey, fault);
        let fault = fault?;
        if !FaultJudge::is_suspect(fault) {
            return Some(fault);
        }
        match self.client(task.contest, contest) {
            Ok(client) => Some(self.outages.settled(fault, &client, &self.reference, contest).await),
            Err(_) => Some(Fault::new(FaultReason::PlatformOutage)),
        }
    }

    async fn store_transcript(&self, transcript: &Transcript) -> Result<(), String> {
        let id = transcript.id();
        let owned = transcript.clone();
        let bytes = self.pool.run(move || owned.to_bytes()).await.map_err(|error| error.to_string())?;
        let bytes: bytes::Bytes = bytes.map_err(|error| error.to_string())?.into();
        let mut pause = FIRST_UPLOAD_PAUSE;
        let mut tries = 1;
        loop {
            match self.queue.upload_transcript(self.options.id.clone(), id, bytes.clone()).await {
                Ok(()) => return Ok(()),
                Err(error @ (TaskError::Unavailable(_) | TaskError::Overloaded)) if tries < MAX_UPLOADS => {
                    tracing::warn!(error = %printable(&error.to_string(), 200), tries, "transcript not kept yet");
                }
                Err(error) => return Err(error.to_string()),
            }
            tries += 1;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_UPLOAD_PAUSE);
        }
    }

    fn with_transcript(&self, task: &LeasedTask, transcript: &Transcript) -> TaskResult {
        let footer = &transcript.footer;
        TaskResult {
            task: task.id,
            attempt: task.attempt,
            outcome: footer.outcome,
            fault: footer.fault,
            steps: footer.steps,
            total_reward: footer.total_reward,
            transcript: Some(transcript.id()),
            note: None,
        }
    }

    fn without_transcript(&self, task: &LeasedTask, lost: Lost) -> TaskResult {
        let note = printable(&lost.note, 500);
        tracing::warn!(task = %task.id, fault = %lost.fault, note, "an episode is lost by our fault");
        TaskResult {
            task: task.id,
            attempt: task.attempt,
            outcome: Outcome::Faulted,
            fault: Some(lost.fault),
            steps: 0,
            total_reward: 0.0,
            transcript: None,
            note: (!note.is_empty()).then_some(note),
        }
    }
}
