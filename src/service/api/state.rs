//! What every handler may use.

use std::sync::Arc;

use super::auth::Access;
use crate::domain::EnvId;
use crate::service::tasks::TaskService;
use crate::store::{BlobStore, Store};

/// What the API serves from; cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    /// Cycles, tasks, scores.
    pub store: Arc<dyn Store>,
    /// Transcripts.
    pub blobs: Arc<BlobStore>,
    /// The task queue.
    pub tasks: Arc<TaskService>,
    /// Environments of the contest that runs now; they are listed even before they have scores.
    pub environments: Arc<Vec<EnvId>>,
    /// How executors are known.
    pub access: Access,
}
