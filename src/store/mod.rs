//! Durable state: cycles, tasks, results, manifests, API keys, transcripts.
//!
//! [`Store`] is the one behavioural trait; [`SqliteStore`] implements it in one file. What a store answers "yes" to
//! is durable: the answer leaves after the commit. [`BlobStore`] keeps transcripts by their content,
//! [`DataDir`] holds the folder both live in and says who else is using it.

mod api_key;
mod blob;
mod cycle;
mod data_dir;
mod episode;
mod error;
mod lease_clock;
mod publication;
mod result;
mod sqlite;
mod task;
mod traits;

pub use api_key::{ApiKeyRole, ApiKeyRow, NewApiKey};
pub use blob::BlobStore;
pub use cycle::{Created, Cycle, CycleSecret, CycleStatus, NewCycle, NewTask, OpenCycle, Probe, Progress, Submission};
pub use data_dir::{DataDir, DataDirError, Role};
pub use episode::{EpisodeFilter, EpisodeRow, EpisodeState, Page, Paged};
pub use error::StoreError;
pub use lease_clock::LeaseClock;
pub use publication::{
    EnvironmentSummary, MinerSummary, Publication, Scale, ScoreRow, ScoresView, Totals, WeightRow, WeightsAt,
    WeightsView,
};
pub use result::{EpisodeResult, Rejection, SubmitAnswer};
pub use sqlite::{DatabaseCopy, RetryLimits, SCHEMA_VERSION, SqliteSettings, SqliteStore, copy_database};
pub use task::{Heartbeat, LeaseRequest, Leased, LeasedTask, TaskFacts, TaskStats, TaskStatus};
pub use traits::{Store, StoreFuture};
