//! What every database behind the appliance must do.

use futures_util::future::BoxFuture;

use super::{
    ApiKeyRow, Created, Cycle, EnvironmentSummary, EpisodeFilter, EpisodeResult, EpisodeRow, Heartbeat, LeaseRequest,
    Leased, MinerSummary, NewApiKey, NewCycle, OpenCycle, Page, Paged, Progress, Publication, Scale, ScoresView,
    StoreError, Submission, SubmitAnswer, TaskFacts, TaskStats, Totals, WeightsAt, WeightsView,
};
use crate::admission::ClaimHistory;
use crate::domain::{Contest, CycleId, Digest, ExecutorId, TaskId};

/// The answer of a store, to be awaited. Dropping it does not undo a write that has begun.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Durable shared state. Every write is one transaction, answered after its commit.
///
/// Any method fails with [`StoreError::Unavailable`] when the database cannot answer; nothing was changed then,
/// or the change is complete (a lost answer): repeating is always safe.
pub trait Store: Send + Sync {
    /// Asks the database for an answer.
    fn ping(&self) -> StoreFuture<'_, ()>;

    // ---- cycles -------------------------------------------------------------------------------------------

    /// The number for the next cycle: one more than the largest so far.
    fn next_cycle_id(&self) -> StoreFuture<'_, CycleId>;

    /// Opens a cycle: its row, secret, submissions and tasks together. Repeating it with the same id and anchor
    /// changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the id exists with another anchor or contest, another cycle is open, a task's
    /// hotkey is neither admitted nor the probe, or the probe is also a submission.
    fn create_cycle(&self, cycle: NewCycle) -> StoreFuture<'_, Created>;

    /// The open cycle, with its secret, to go on with after a restart.
    fn open_cycle(&self) -> StoreFuture<'_, Option<OpenCycle>>;

    /// One cycle.
    fn cycle(&self, id: CycleId) -> StoreFuture<'_, Option<Cycle>>;

    /// Cycles, newest first.
    fn cycles(&self, page: Page) -> StoreFuture<'_, Paged<Cycle>>;

    /// The newest completed cycle.
    fn last_completed_cycle(&self) -> StoreFuture<'_, Option<Cycle>>;

    /// The contest settings with this digest, of any cycle.
    fn contest(&self, digest: Digest) -> StoreFuture<'_, Option<Contest>>;

    /// Every commitment of a cycle with its verdict, by uid; the probe is not among them.
    fn submissions(&self, id: CycleId) -> StoreFuture<'_, Vec<Submission>>;

    /// What is remembered of all submissions that held their weights ([`Submission::holds`]).
    fn claim_history(&self) -> StoreFuture<'_, ClaimHistory>;

    /// How far a cycle's tasks are.
    fn progress(&self, id: CycleId) -> StoreFuture<'_, Progress>;

    /// Stops taking results for a cycle whose tasks are all final, so that what is scored next cannot change.
    /// Answers whether it is sealed now; `false` while a task is open.
    fn seal_cycle(&self, id: CycleId) -> StoreFuture<'_, bool>;

    /// Leaves every unfinished task of a cycle out (its time is over); answers how many.
    fn leave_out_unfinished(&self, id: CycleId) -> StoreFuture<'_, u64>;

    /// Every final episode of a cycle, by environment, index, uid; probe rows included and flagged.
    fn cycle_episodes(&self, id: CycleId) -> StoreFuture<'_, Vec<EpisodeRow>>;

    /// Publishes a sealed cycle: manifest, scores and weights together, and marks it completed. Repeating it with
    /// the same digest changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the cycle is not sealed, was given up, is published with another digest, or
    /// `previous` is not the newest published digest.
    fn publish_cycle(&self, publication: Publication) -> StoreFuture<'_, ()>;

    /// Gives an open cycle up. A completed cycle cannot be given up; a failed one stays as it is.
    fn fail_cycle(&self, id: CycleId, reason: String) -> StoreFuture<'_, ()>;

    /// The signed manifest of a completed cycle, byte for byte.
    fn manifest(&self, id: CycleId) -> StoreFuture<'_, Option<Vec<u8>>>;

    /// The newest published manifest: its cycle and digest.
    fn newest_manifest(&self) -> StoreFuture<'_, Option<(CycleId, Digest)>>;

    // ---- tasks --------------------------------------------------------------------------------------------

    /// Leases waiting tasks, in the order they were created, to an executor. Expired leases are freed first.
    fn lease(&self, request: LeaseRequest) -> StoreFuture<'_, Leased>;

    /// Renews an executor's leases for `lease_ms` from now.
    fn heartbeat(&self, executor: ExecutorId, tasks: Vec<TaskId>, lease_ms: u64) -> StoreFuture<'_, Heartbeat>;

    /// Gives leases back without a result (shutdown); this does not count as a failed attempt. Answers how many.
    fn release(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> StoreFuture<'_, u64>;

    /// Takes back every lease of an executor that is known to be dead (its successor starts), without waiting for
    /// their time to end; each counts as lost. Answers how many.
    fn release_dead(&self, executor: ExecutorId) -> StoreFuture<'_, u64>;

    /// Frees every expired lease; each counts as lost. Answers how many.
    fn expire_leases(&self) -> StoreFuture<'_, u64>;

    /// Takes results, each (task, attempt) at most once; one answer per result, in order.
    ///
    /// A fault of the platform or the chain puts the task back, up to the limit of failures, then leaves
    /// it out. A miner's fault is final. A result of a lost lease is taken when no other attempt has finished.
    fn submit(&self, results: Vec<EpisodeResult>) -> StoreFuture<'_, Vec<SubmitAnswer>>;

    /// What is known about these tasks; unknown ones are missing from the answer.
    fn task_facts(&self, tasks: Vec<TaskId>) -> StoreFuture<'_, Vec<TaskFacts>>;

    /// Counts over the tasks of a cycle; `None` is the newest.
    fn task_stats(&self, id: Option<CycleId>) -> StoreFuture<'_, TaskStats>;

    // ---- reads --------------------------------------------------------------------------------------------

    /// Final episodes, oldest first.
    fn episodes(&self, filter: EpisodeFilter, page: Page) -> StoreFuture<'_, Paged<EpisodeRow>>;

    /// The episode that a transcript belongs to.
    fn episode(&self, transcript: Digest) -> StoreFuture<'_, Option<EpisodeRow>>;

    /// Published weights.
    fn weights(&self, at: WeightsAt) -> StoreFuture<'_, Option<WeightsView>>;

    /// Published scores of a cycle; `None` is the newest completed one.
    fn scores(&self, id: Option<CycleId>) -> StoreFuture<'_, Option<ScoresView>>;

    /// Every miner with a published score, by uid.
    fn miners(&self) -> StoreFuture<'_, Vec<MinerSummary>>;

    /// Every environment with a published score, by id.
    fn environments(&self) -> StoreFuture<'_, Vec<EnvironmentSummary>>;

    /// Totals for the status page.
    fn totals(&self) -> StoreFuture<'_, Totals>;

    /// Transcripts that a row names, for the collection of garbage.
    fn known_transcripts(&self) -> StoreFuture<'_, Vec<Digest>>;

    // ---- keys and upkeep ----------------------------------------------------------------------------------

    /// Stores a key; answers its number.
    fn add_api_key(&self, key: NewApiKey) -> StoreFuture<'_, u64>;

    /// The key with this digest, valid or not.
    fn api_key(&self, digest: Digest) -> StoreFuture<'_, Option<ApiKeyRow>>;

    /// Every key, by number.
    fn api_keys(&self) -> StoreFuture<'_, Vec<ApiKeyRow>>;

    /// Revokes a key; answers whether it exists.
    fn revoke_api_key(&self, id: u64) -> StoreFuture<'_, bool>;

    /// Row counts and size.
    fn scale(&self) -> StoreFuture<'_, Scale>;

    /// Deletes everything but the schema and the API keys.
    fn reset(&self) -> StoreFuture<'_, ()>;
}
