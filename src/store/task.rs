//! Tasks as executors lease them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Attempt, BlockRef, Contest, CycleId, Digest, EnvId, EpisodeSeed, ExecutorId, JobKind, Miner, TaskId,
};

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Waiting for an executor.
    Pending,
    /// With an executor.
    Leased,
    /// Ended with success or failure.
    Completed,
    /// Broken off by the miner's fault; final.
    Failed,
    /// Given up after the platform failed too often.
    LeftOut,
}

/// What an executor asks for.
#[derive(Debug, Clone)]
pub struct LeaseRequest {
    /// Who asks.
    pub executor: ExecutorId,
    /// At most so many tasks.
    pub limit: u32,
    /// Only tasks of these environments; `None` takes any.
    pub environments: Option<Vec<EnvId>>,
    /// Only tasks of cycles that this engine may run: the digest of the executor's fingerprint. `None` takes any,
    /// for an executor that compares each task's fingerprint itself.
    pub fingerprint: Option<Digest>,
    /// How long the lease lasts unless a heartbeat renews it, in milliseconds.
    pub lease_ms: u64,
}

/// All that an executor needs to run one task. Holds the episode's seed: it goes to executors only.
#[derive(Debug, Clone, PartialEq)]
pub struct LeasedTask {
    /// The task.
    pub id: TaskId,
    /// Its cycle.
    pub cycle: CycleId,
    /// The block its cycle is anchored at.
    pub anchor: BlockRef,
    /// What sort of work it is.
    pub kind: JobKind,
    /// Whose policy: identity, uid at the anchor and claim. Of a probe, the claim's texts are empty and its block 0.
    pub miner: Miner,
    /// URL of the policy.
    pub endpoint: String,
    /// The environment.
    pub environment: EnvId,
    /// Which episode of the environment.
    pub index: u32,
    /// The world's seed.
    pub seed: EpisodeSeed,
    /// Which try this is; its result must name it.
    pub attempt: Attempt,
    /// How long the lease lasts from now, in milliseconds.
    pub lease_ms: u64,
    /// Digest of the contest's settings.
    pub contest: Digest,
    /// Digest of the engine that must run it.
    pub fingerprint: Digest,
    /// Whether it is the operator's known-good probe, which never counts in scores.
    pub probe: bool,
    /// When the task was made.
    pub created_at: Timestamp,
}

/// The answer to a [`LeaseRequest`].
#[derive(Debug, Clone, Default)]
pub struct Leased {
    /// The tasks, each leased to the asking executor.
    pub tasks: Vec<LeasedTask>,
    /// Tasks still waiting, whatever their environment.
    pub total_pending: u64,
    /// The settings named by the tasks, each once.
    pub contests: BTreeMap<Digest, Contest>,
}

/// The answer to a heartbeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// Leases that run on.
    pub renewed: Vec<TaskId>,
    /// Tasks that are not (or no longer) leased to this executor: stop working on them.
    pub lost: Vec<TaskId>,
}

/// What a transcript must agree with before a result for this task is accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskFacts {
    /// The task.
    pub id: TaskId,
    /// Its cycle.
    pub cycle: CycleId,
    /// The block its cycle is anchored at.
    pub anchor: BlockRef,
    /// Whose policy.
    pub miner: Miner,
    /// The environment.
    pub environment: EnvId,
    /// Which episode of the environment.
    pub index: u32,
    /// The world's seed.
    pub seed: EpisodeSeed,
    /// Digest of the contest's settings.
    pub contest: Digest,
    /// Digest of the engine that must run it.
    pub fingerprint: Digest,
    /// Where the task stands.
    pub status: TaskStatus,
    /// Whether it is a probe task.
    pub probe: bool,
}

/// Counts over the task pool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskStats {
    /// The cycle counted, if there is one.
    pub cycle: Option<CycleId>,
    /// Its counts.
    pub progress: super::Progress,
    /// Executors that hold a lease now.
    pub active_executors: Vec<ExecutorId>,
}
