//! The scheduler: opens cycles, watches them, scores and publishes them, and logs them on the chain.

mod describer;
mod judge;
mod log;
mod manifest;
mod plan;
mod probe;
mod run;

pub use describer::{Describer, DescriberError};
pub use manifest::{PublishError, Publisher};
pub use plan::{ClaimsAt, Opening, PROBE_ENDPOINT, claims_at};
pub use run::{Scheduler, SchedulerError, SchedulerOptions};
