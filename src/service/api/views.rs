//! JSON forms that several resources share.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::{Cycle, CycleStatus};

/// A cycle.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CycleOut {
    /// Its number.
    id: u64,
    /// The block it is anchored at.
    block_number: u64,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it was published or given up.
    #[schema(value_type = Option<String>, format = DateTime)]
    completed_at: Option<Timestamp>,
    /// `pending`, `running`, `completed` or `failed`.
    #[schema(value_type = String)]
    status: CycleStatus,
    /// Admitted miners.
    n_miners: u32,
    /// Environments of its contest.
    n_environments: u32,
    /// From start to end.
    duration_seconds: Option<f64>,
}

impl From<Cycle> for CycleOut {
    fn from(cycle: Cycle) -> Self {
        CycleOut {
            id: cycle.id.0,
            block_number: cycle.block_number.0,
            duration_seconds: duration_s(&cycle),
            started_at: cycle.started_at,
            completed_at: cycle.completed_at,
            status: cycle.status,
            n_miners: cycle.n_miners,
            n_environments: cycle.n_environments,
        }
    }
}

/// Seconds from the start of a cycle to its end.
pub(super) fn duration_s(cycle: &Cycle) -> Option<f64> {
    let end = cycle.completed_at?;
    Some(end.duration_since(cycle.started_at).as_secs_f64())
}
