//! The executor: leases tasks, runs their episodes, hands results in.
//!
//! Hundreds of episodes are in flight on few cores, each an async task that waits for its policy most of the time;
//! physics runs on the fixed threads of [`PhysicsPool`].

mod assignment;
mod fault_judge;
mod lease;
mod outage;
mod pool;
mod report;
mod rollout;
mod signs;
mod work;

pub use assignment::Assignment;
pub use fault_judge::FaultJudge;
pub use pool::{PhysicsPool, PoolError};
pub use rollout::{Ended, Lost, Runner};
pub use work::{Executor, ExecutorError, ExecutorOptions};
