//! The task queue as executors see it, wherever they run.
//!
//! [`TaskQueue`] is the same for an executor in this process ([`TaskService`]) and for one that pulls its work
//! over HTTP (`HttpTaskClient`); the API's routes are thin over [`TaskService`].

mod error;
mod facts_check;
mod service;
mod verified;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::domain::{Attempt, Digest, EnvId, ExecutorId, Fault, Outcome, TaskId};
use crate::store::{Heartbeat, Leased, SubmitAnswer};

pub use error::TaskError;
pub use service::{TaskService, TaskServiceSettings};

/// The answer of a task queue, to be awaited.
pub type QueueFuture<'a, T> = BoxFuture<'a, Result<T, TaskError>>;

/// Most tasks one fetch may ask for.
pub const MAX_FETCH: u32 = 100;
/// Most results or task ids in one request: far more than one executor has in flight between two calls.
pub const MAX_ITEMS: usize = 1_000;

/// What an executor asks for.
#[derive(Debug, Clone)]
pub struct FetchRequest {
    /// Who asks.
    pub executor: ExecutorId,
    /// At most so many tasks, 1 to [`MAX_FETCH`].
    pub limit: u32,
    /// Only tasks of these environments; `None` takes any.
    pub environments: Option<Vec<EnvId>>,
    /// Digest of the engine the executor runs: it gets no task for another one. `None` gets any; the executor then
    /// compares each task's fingerprint itself.
    pub fingerprint: Option<Digest>,
}

/// The result of one attempt as an executor hands it in. The rest of what is stored comes out of the transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskResult {
    /// The task.
    pub task: TaskId,
    /// Which try, as leased.
    pub attempt: Attempt,
    /// How the episode ended.
    pub outcome: Outcome,
    /// Whose fault it was; present exactly when `outcome` is `Faulted`.
    pub fault: Option<Fault>,
    /// Steps done.
    pub steps: u32,
    /// Sum of the rewards.
    pub total_reward: f64,
    /// Digest of the uploaded transcript; may be missing only when the platform or the chain failed.
    pub transcript: Option<Digest>,
    /// Free text for the operator.
    pub note: Option<String>,
}

/// Where executors get their work and leave their results.
///
/// Every method may be repeated: nothing is counted twice.
pub trait TaskQueue: Send + Sync {
    /// Leases up to `limit` tasks.
    fn fetch(&self, request: FetchRequest) -> QueueFuture<'_, Leased>;

    /// Renews leases; tasks named `lost` in the answer must be given up.
    fn heartbeat(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> QueueFuture<'_, Heartbeat>;

    /// Gives tasks back unfinished (an orderly shutdown); answers how many.
    fn release(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> QueueFuture<'_, u64>;

    /// Keeps a transcript; durable when answered. It must come before the result that names it.
    fn upload_transcript(&self, executor: ExecutorId, digest: Digest, file: Bytes) -> QueueFuture<'_, ()>;

    /// Hands results in; durable when answered, one answer per result in order.
    fn submit(&self, executor: ExecutorId, results: Vec<TaskResult>) -> QueueFuture<'_, Vec<SubmitAnswer>>;
}
