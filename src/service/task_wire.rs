//! The task endpoints' JSON, shared by the API and the client of a remote executor.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{
    Attempt, BlockNumber, BlockRef, Claim, Contest, CycleId, Digest, EnvId, EpisodeSeed, ExecutorId, Fault, Hotkey,
    JobKind, Miner, Outcome, TaskId, Uid,
};
use crate::service::tasks::TaskResult;
use crate::store::{LeasedTask, Rejection, SubmitAnswer};

/// Tasks that a fetch asks for when it does not say.
const DEFAULT_BATCH: u32 = 10;

fn default_batch() -> u32 {
    DEFAULT_BATCH
}

/// `POST /v1/tasks/fetch`, in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FetchIn {
    /// Who asks; an API key is bound to one name.
    #[schema(value_type = String, example = "executor-1")]
    pub executor_id: ExecutorId,
    /// At most so many tasks.
    #[serde(default = "default_batch")]
    #[schema(minimum = 1, maximum = 100, default = 10)]
    pub batch_size: u32,
    /// Only tasks of these environments; null takes any.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub env_ids: Option<Vec<EnvId>>,
    /// Digest of the engine that the executor runs: it gets no task for another one. With null it must compare
    /// each task's `engine_fingerprint` itself.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub engine_fingerprint: Option<Digest>,
}

/// `POST /v1/tasks/fetch`, out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FetchOut {
    /// The tasks, leased to the asking executor.
    pub tasks: Vec<TaskOut>,
    /// Tasks still waiting.
    pub total_pending: u64,
    /// The settings that the tasks' `contest` digests name, each once.
    #[schema(value_type = BTreeMap<String, Object>)]
    pub contests: BTreeMap<String, Contest>,
}

/// A leased task. It holds the secret seed of the episode's world: executors must not pass it on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskOut {
    /// The task.
    #[schema(value_type = String, format = "uuid")]
    pub task_uuid: TaskId,
    /// Its cycle.
    #[schema(value_type = u64)]
    pub cycle_id: CycleId,
    /// Number of the block that the cycle is anchored at.
    #[schema(value_type = u64)]
    pub block_number: BlockNumber,
    /// Hash of that block.
    #[schema(value_type = String)]
    pub block_hash: crate::domain::BlockHash,
    /// What sort of work it is.
    #[schema(value_type = String, example = "rollout")]
    pub kind: JobKind,
    /// Where the miner sat at the anchor.
    #[schema(value_type = u16)]
    pub miner_uid: Uid,
    /// The miner's ss58 address.
    #[schema(value_type = String)]
    pub miner_hotkey: Hotkey,
    /// URL of the policy.
    pub miner_endpoint: String,
    /// Claimed repository.
    pub miner_repo: String,
    /// Claimed revision.
    pub miner_revision: String,
    /// Claimed deployment.
    pub miner_deployment: String,
    /// Block of the claim.
    #[schema(value_type = u64)]
    pub miner_claim_block: BlockNumber,
    /// The environment.
    #[schema(value_type = String)]
    pub env_id: EnvId,
    /// Which episode of the environment.
    pub episode_index: u32,
    /// Seed of the episode's world, 64 hexadecimal digits.
    #[schema(value_type = String)]
    pub seed: EpisodeSeed,
    /// Always `assigned`.
    pub status: String,
    /// When the task was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Which try this is; the result must name it.
    #[schema(value_type = u32)]
    pub attempt: Attempt,
    /// Seconds until the lease ends without a heartbeat.
    pub lease_seconds: f64,
    /// Digest of the contest's settings.
    #[schema(value_type = String)]
    pub contest: Digest,
    /// Digest of the engine that must run it.
    #[schema(value_type = String)]
    pub engine_fingerprint: Digest,
    /// Whether it is the operator's known-good probe.
    pub probe: bool,
}

impl From<LeasedTask> for TaskOut {
    fn from(task: LeasedTask) -> Self {
        TaskOut {
            task_uuid: task.id,
            cycle_id: task.cycle,
            block_number: task.anchor.number,
            block_hash: task.anchor.hash,
            kind: task.kind,
            miner_uid: task.miner.uid,
            miner_hotkey: task.miner.hotkey,
            miner_endpoint: task.endpoint,
            miner_repo: task.miner.claim.repo,
            miner_revision: task.miner.claim.revision,
            miner_deployment: task.miner.claim.deployment,
            miner_claim_block: task.miner.claim.block,
            env_id: task.environment,
            episode_index: task.index,
            seed: task.seed,
            status: "assigned".into(),
            created_at: task.created_at,
            attempt: task.attempt,
            lease_seconds: task.lease_ms as f64 / 1_000.0,
            contest: task.contest,
            engine_fingerprint: task.fingerprint,
            probe: task.probe,
        }
    }
}

impl From<TaskOut> for LeasedTask {
    fn from(task: TaskOut) -> Self {
        LeasedTask {
            id: task.task_uuid,
            cycle: task.cycle_id,
            anchor: BlockRef { number: task.block_number, hash: task.block_hash },
            kind: task.kind,
            miner: Miner {
                hotkey: task.miner_hotkey,
                uid: task.miner_uid,
                claim: Claim {
                    block: task.miner_claim_block,
                    repo: task.miner_repo,
                    revision: task.miner_revision,
                    deployment: task.miner_deployment,
                },
            },
            endpoint: task.miner_endpoint,
            environment: task.env_id,
            index: task.episode_index,
            seed: task.seed,
            attempt: task.attempt,
            // A negative or absurd number from a broken server becomes 0 or the largest: the lease is then checked
            // by heartbeat anyway.
            lease_ms: (task.lease_seconds * 1_000.0) as u64,
            contest: task.contest,
            fingerprint: task.engine_fingerprint,
            probe: task.probe,
            created_at: task.created_at,
        }
    }
}

/// `POST /v1/tasks/heartbeat` and `/v1/tasks/release`, in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TasksIn {
    /// Who holds them.
    #[schema(value_type = String)]
    pub executor_id: ExecutorId,
    /// The tasks.
    #[schema(value_type = Vec<String>, max_items = 1000)]
    pub task_uuids: Vec<TaskId>,
}

/// `POST /v1/tasks/heartbeat`, out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HeartbeatOut {
    /// Tasks whose lease runs on.
    #[schema(value_type = Vec<String>)]
    pub renewed: Vec<TaskId>,
    /// Tasks that are not this executor's (any more): give them up.
    #[schema(value_type = Vec<String>)]
    pub lost: Vec<TaskId>,
}

/// `POST /v1/tasks/release`, out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReleaseOut {
    /// How many tasks wait again.
    pub released: u64,
}

/// `POST /v1/tasks/submit`, in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubmitIn {
    /// Who worked on them.
    #[schema(value_type = String)]
    pub executor_id: ExecutorId,
    /// The results.
    #[schema(max_items = 1000)]
    pub results: Vec<ResultIn>,
}

/// One result. Its transcript is uploaded before.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResultIn {
    /// The task.
    #[schema(value_type = String, format = "uuid")]
    pub task_uuid: TaskId,
    /// Which try, as leased.
    #[schema(value_type = u32)]
    pub attempt: Attempt,
    /// Whether the outcome is `success`.
    pub success: bool,
    /// 1 for a success, else 0.
    pub score: f64,
    /// Sum of the rewards, as the transcript says; null when it is no finite number (an unstable simulation).
    pub total_reward: Option<f64>,
    /// Steps done, as the transcript says.
    pub timesteps: u32,
    /// Free text for the operator.
    #[serde(default)]
    pub error: Option<String>,
    /// `success`, `failure` or `faulted`.
    #[schema(value_type = String, example = "success")]
    pub outcome: Outcome,
    /// Whose fault it was and why: `{"party", "reason"}`; present exactly when `outcome` is `faulted`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub fault: Option<Fault>,
    /// Digest of the uploaded transcript; null only when the platform or the chain failed.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub transcript: Option<Digest>,
}

impl ResultIn {
    /// Whether the two numbers for older readers say what `outcome` says.
    pub fn is_consistent(&self) -> bool {
        let success = self.outcome == Outcome::Success;
        self.success == success && self.score == if success { 1.0 } else { 0.0 }
    }
}

impl From<TaskResult> for ResultIn {
    fn from(result: TaskResult) -> Self {
        let success = result.outcome == Outcome::Success;
        ResultIn {
            task_uuid: result.task,
            attempt: result.attempt,
            success,
            score: if success { 1.0 } else { 0.0 },
            total_reward: Some(result.total_reward).filter(|total| total.is_finite()),
            timesteps: result.steps,
            error: result.note,
            outcome: result.outcome,
            fault: result.fault,
            transcript: result.transcript,
        }
    }
}

impl From<ResultIn> for TaskResult {
    fn from(result: ResultIn) -> Self {
        TaskResult {
            task: result.task_uuid,
            attempt: result.attempt,
            outcome: result.outcome,
            fault: result.fault,
            steps: result.timesteps,
            total_reward: result.total_reward.unwrap_or(f64::NAN),
            transcript: result.transcript,
            note: result.error,
        }
    }
}

/// `POST /v1/tasks/submit`, out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SubmitOut {
    /// Results that are stored, earlier ones included.
    pub accepted: u64,
    /// Results that are not stored and never will be.
    pub rejected: u64,
    /// One text per rejected result.
    pub errors: Vec<String>,
    /// One word per result in order: `accepted`, `already_accepted`, or the slug of the rejection.
    pub answers: Vec<String>,
}

/// The word of an answer.
pub fn answer_word(answer: SubmitAnswer) -> String {
    match answer {
        SubmitAnswer::Accepted => "accepted".into(),
        SubmitAnswer::AlreadyAccepted => "already_accepted".into(),
        SubmitAnswer::Rejected(rejection) => rejection.slug().into(),
    }
}

/// The answer behind a word; `None` when this release does not know it.
pub fn answer_of(word: &str) -> Option<SubmitAnswer> {
    match word {
        "accepted" => Some(SubmitAnswer::Accepted),
        "already_accepted" => Some(SubmitAnswer::AlreadyAccepted),
        slug => serde_json::from_value::<Rejection>(slug.into()).ok().map(SubmitAnswer::Rejected),
    }
}
