//! The scheduler's loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::describer::{Describer, DescriberError};
use super::judge::{JudgeError, judge};
use super::log::{DigestLog, LONGEST_END};
use super::manifest::{PublishError, Publisher};
use super::plan::{Opening, claims_at};
use super::probe;
use crate::beacon::{Beacon, DEFAULT_DEV_CHAIN, OperatorKey};
use crate::chain::{Chain, ChainError};
use crate::domain::{BlockNumber, Contest, CycleId, Digest, EngineFingerprint, Netuid, printable};
use crate::service::supervision::Pulse;
use crate::store::{BlobStore, EpisodeRow, OpenCycle, Store, StoreError};

/// Pause after a failed round, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Longest silence beyond a wait that was told: some reads and writes of the store, each of which may wait for its turn.
const GRACE: Duration = Duration::from_secs(120);
/// Longest silence while a cycle is opened: a chain's nodes are asked one after the other, each with deadlines of its own.
const OPENING_LIMIT: Duration = Duration::from_secs(1_800);
/// Longest silence while a cycle is scored and published, and for each of its episodes: all transcripts are read.
const CLOSING_LIMIT: Duration = Duration::from_secs(7_200);
const CLOSING_LIMIT_PER_EPISODE: Duration = Duration::from_millis(50);

/// How a scheduler works.
#[derive(Debug, Clone)]
pub struct SchedulerOptions {
    /// The subnet.
    pub netuid: Netuid,
    /// The contest of new cycles; an open cycle goes on with its own.
    pub contest: Contest,
    /// From the start of one cycle to the start of the next.
    pub eval_interval: Duration,
    /// Cycles after which the scheduler ends.
    pub max_cycles: Option<u64>,
    /// Longest time of a cycle.
    pub cycle_timeout: Duration,
    /// How often progress is looked at.
    pub poll_interval: Duration,
    /// Whether the known-good probe runs.
    pub probe: bool,
    /// Whether the newest manifest's digest is kept in the operator's commitment slot.
    pub publish_digest_on_chain: bool,
}

/// Why a round of the scheduler failed. The same cycle is tried again, except where it is given up.
#[derive(Debug, thiserror::Error)]
pub enum SchedulerError {
    /// The chain could not be read or written.
    #[error("chain: {0}")]
    Chain(#[from] ChainError),
    /// The store did not take or give something.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// A finished cycle cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Repositories or endpoints of claims cannot be looked at.
    #[error("admission: {0}")]
    Admission(#[from] DescriberError),
    /// The chain has no block yet whose randomness is still secret.
    #[error(
        "block {head} is the newest finalized one, and the randomness of block {used}, the anchor of cycle {cycle}, \
         is published; a new cycle waits for a later block: does the chain, or its node, stand still?"
    )]
    AnchorUsed {
        /// The newest finalized block.
        head: BlockNumber,
        /// The anchor of the newest published cycle.
        used: BlockNumber,
        /// That cycle.
        cycle: CycleId,
    },
}

impl From<JudgeError> for SchedulerError {
    fn from(error: JudgeError) -> Self {
        match error {
            JudgeError::Chain(error) => error.into(),
            JudgeError::Store(error) => error.into(),
            JudgeError::Describer(error) => error.into(),
        }
    }
}

impl SchedulerError {
    /// What is waited for, in words of ours alone: what chains say may be anything.
    fn waits_for(&self) -> &'static str {
        match self {
            SchedulerError::Chain(_) => "waiting for the chain",
            SchedulerError::Store(_) => "waiting for the database",
            SchedulerError::Publish(_) => "waiting to publish a cycle",
            SchedulerError::Admission(_) => "waiting for the hub of repositories",
            SchedulerError::AnchorUsed { .. } => "waiting for a later block",
        }
    }
}

/// Opens cycles, watches them, scores and publishes them, and keeps the newest one's digest on the chain. One per data
/// folder.
pub struct Scheduler {
    options: SchedulerOptions,
    chain: Arc<dyn Chain>,
    store: Arc<dyn Store>,
    blobs: Arc<BlobStore>,
    key: Arc<OperatorKey>,
    engine: EngineFingerprint,
    log: DigestLog,
    describer: Option<Describer>,
    pulse: Pulse,
}

impl Scheduler {
    /// A scheduler over a chain and a store.
    pub fn new(
        options: SchedulerOptions,
        chain: Arc<dyn Chain>,
        store: Arc<dyn Store>,
        blobs: Arc<BlobStore>,
        key: Arc<OperatorKey>,
        engine: EngineFingerprint,
    ) -> Scheduler {
        let log = DigestLog::new(chain.clone(), store.clone(), key.clone(), options.netuid, options.poll_interval);
        Scheduler { options, chain, store, blobs, key, engine, log, describer: None, pulse: Pulse::new("scheduler") }
    }

    /// The same with a describer, which a contest with rules about repositories needs: without one everybody is refused there as
    /// not checked yet.
    pub fn with_describer(mut self, mut describer: Describer) -> Scheduler {
        describer.set_pulse(self.pulse.clone());
        self.describer = Some(describer);
        self
    }

    /// Its signs of life.
    pub fn pulse(&self) -> Pulse {
        self.pulse.clone()
    }

    /// Runs cycles until `shutdown`, or until the set number of them has ended. An open cycle of an earlier run is
    /// gone on with first. The digest of the newest manifest is written beside them, however long that takes; after the
    /// last cycle it has a while.
    pub async fn run(&self, shutdown: CancellationToken) {
        let cycles = self.cycles(&shutdown);
        if !self.options.publish_digest_on_chain {
            return cycles.await;
        }
        let ended = CancellationToken::new();
        let cycles = async {
            cycles.await;
            ended.cancel();
        };
        tokio::join!(cycles, self.log.keep(&shutdown, &ended));
    }

    async fn cycles(&self, shutdown: &CancellationToken) {
        let mut pause = FIRST_PAUSE;
        let mut ended = 0;
        self.pulse.doing("starting", GRACE);
        while !shutdown.is_cancelled() && self.options.max_cycles.is_none_or(|max| ended < max) {
            let started = Instant::now();
            let round = tokio::select! {
                () = shutdown.cancelled() => return,
                round = self.cycle() => round,
            };
            let (wait, text) = match round {
                Ok(id) => {
                    ended += 1;
                    pause = FIRST_PAUSE;
                    let wait = self.options.eval_interval.saturating_sub(started.elapsed());
                    (wait, format!("cycle {id} is over, waiting for the next"))
                }
                Err(error) => {
                    tracing::error!(error = %printable(&error.to_string(), 400), "the cycle does not go on yet");
                    metrics::counter!("kinitro_scheduler_errors_total").increment(1);
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    (wait, error.waits_for().to_owned())
                }
            };
            let last = self.options.max_cycles.is_some_and(|max| ended >= max);
            if last {
                self.pulse.doing("the last cycle is over, its digest is written", LONGEST_END);
            } else {
                self.pulse.doing(&text, wait.saturating_add(GRACE));
                tokio::select! {
                    () = shutdown.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        }
    }

    /// One cycle from its beginning, or from where it stands, to its publication or end; answers which.
    ///
    /// # Errors
    /// [`SchedulerError`]; calling again goes on where it stopped.
    pub async fn cycle(&self) -> Result<CycleId, SchedulerError> {
        self.pulse.doing("opening a cycle", OPENING_LIMIT);
        let open = match self.store.open_cycle().await? {
            Some(open) => {
                tracing::info!(cycle = %open.cycle.id, "going on with an open cycle");
                open
            }
            None => self.open().await?,
        };
        if open.fingerprint != self.engine {
            let reason = format!(
                "it was opened for engine {}, and this is engine {}",
                open.fingerprint.digest().short(),
                self.engine.digest().short()
            );
            self.give_up(open.cycle.id, reason).await?;
            return Ok(open.cycle.id);
        }
        self.wait_until_final(&open).await?;
        let episodes = u32::try_from(self.store.progress(open.cycle.id).await?.total()).unwrap_or(u32::MAX);
        let limit = CLOSING_LIMIT.saturating_add(CLOSING_LIMIT_PER_EPISODE.saturating_mul(episodes));
        self.pulse.doing(&format!("cycle {}: scoring and publishing", open.cycle.id), limit);
        self.close(&open).await?;
        Ok(open.cycle.id)
    }

    async fn open(&self) -> Result<OpenCycle, SchedulerError> {
        let options = &self.options;
        let anchor = self.chain.finalized_head().await?;
        let claims = claims_at(self.chain.as_ref(), options.netuid, &anchor, &options.contest).await?;
        let around = (self.chain.as_ref(), self.store.as_ref());
        let submissions = judge(&claims, &options.contest, &anchor, self.describer.as_ref(), around).await?;
        self.pulse.doing("opening a cycle", OPENING_LIMIT);
        let id = self.store.next_cycle_id().await?;
        let genesis = self.chain.genesis();
        let beacon_key = (self.chain.network() != DEFAULT_DEV_CHAIN).then_some(self.key.as_ref());
        if beacon_key.is_some()
            && let Some(last) = self.store.last_completed_cycle().await?
            && anchor.number <= last.block_number
        {
            return Err(SchedulerError::AnchorUsed { head: anchor.number, used: last.block_number, cycle: last.id });
        }
        let opening = Opening {
            id,
            anchor,
            contest: &options.contest,
            engine: &self.engine,
            beacon: Beacon::at(beacon_key, &genesis, options.netuid, &anchor),
            probe: options.probe.then(|| self.key.hotkey()),
        };
        let cycle = opening.cycle(&submissions);
        let (tasks, admitted) = (cycle.tasks.len(), cycle.submissions.iter().filter(|s| s.admitted).count());
        let refused = cycle.submissions.len() - admitted;
        self.store.create_cycle(cycle).await?;
        tracing::info!(cycle = %id, block = %anchor.number, admitted, refused, tasks, "cycle opened");
        let open = self.store.open_cycle().await?;
        open.ok_or_else(|| SchedulerError::Store(StoreError::Conflict("the cycle just opened is not open".into())))
    }

    async fn wait_until_final(&self, open: &OpenCycle) -> Result<(), SchedulerError> {
        let id = open.cycle.id;
        let started = open.cycle.started_at;
        loop {
            self.store.expire_leases().await?;
            let progress = self.store.progress(id).await?;
            metrics::gauge!("kinitro_tasks_pending").set(progress.pending as f64);
            metrics::gauge!("kinitro_tasks_leased").set(progress.leased as f64);
            if progress.all_final() {
                return Ok(());
            }
            let (total, waiting) = (progress.total(), progress.pending + progress.leased);
            let text = format!("cycle {id}: {} of {total} episodes done", total - waiting);
            self.pulse.doing(&text, self.options.poll_interval.saturating_add(GRACE));
            // Below zero when the clock was set back, which makes a cycle longer and ends none.
            let age = Duration::try_from(jiff::Timestamp::now().duration_since(started)).unwrap_or_default();
            if age > self.options.cycle_timeout {
                let left_out = self.store.leave_out_unfinished(id).await?;
                tracing::warn!(cycle = %id, left_out, "the cycle's time is over; what is not done is left out");
            }
            tokio::time::sleep(self.options.poll_interval).await;
        }
    }

    /// Scores and publishes a cycle whose tasks are final, or gives it up when the probe says that we are broken.
    async fn close(&self, open: &OpenCycle) -> Result<(), SchedulerError> {
        let id = open.cycle.id;
        if !self.store.seal_cycle(id).await? {
            return Err(StoreError::Conflict(format!("cycle {id} got a new task while it was closed")).into());
        }
        let (probe_rows, rows): (Vec<EpisodeRow>, Vec<EpisodeRow>) =
            self.store.cycle_episodes(id).await?.into_iter().partition(|row| row.probe);
        if let Some(reason) = probe::failure(&probe_rows) {
            return self.give_up(id, format!("scores are frozen: {reason}")).await;
        }
        let previous = self.store.newest_manifest().await?.map_or(Digest::ZERO, |(_, digest)| digest);
        let (key, blobs, open) = (self.key.clone(), self.blobs.clone(), open.clone());
        let (network, genesis, netuid) = (self.chain.network().to_owned(), self.chain.genesis(), self.options.netuid);
        let made = tokio::task::spawn_blocking(move || {
            let publisher = Publisher { network, genesis, netuid, key: &key, blobs: &blobs };
            publisher.publication(&open, &rows, previous)
        });
        let made = made.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let publication = match made {
            Ok(publication) => publication,
            Err(error @ PublishError::Transcript { .. }) => return Err(error.into()),
            // The same rows would contradict each other again: retrying cannot help.
            Err(error) => return self.give_up(id, error.to_string()).await,
        };
        let digest = publication.digest;
        let paid = publication.weights.len();
        self.store.publish_cycle(publication).await?;
        tracing::info!(cycle = %id, manifest = %digest, paid, "cycle published");
        metrics::counter!("kinitro_cycles_published_total").increment(1);
        self.log.wake();
        Ok(())
    }

    async fn give_up(&self, id: CycleId, reason: String) -> Result<(), SchedulerError> {
        tracing::error!(cycle = %id, reason, "the cycle is given up; nothing of it is published");
        metrics::counter!("kinitro_cycles_given_up_total").increment(1);
        self.store.fail_cycle(id, reason).await?;
        Ok(())
    }
}
