//! How the SQLite store is to behave.

use crate::store::LeaseClock;

/// When a task that keeps failing by no fault of its miner's is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryLimits {
    /// Platform or chain faults handed in as results. Default 3: a fault that strikes three executors in a row
    /// will strike the fourth, and every retry delays the cycle for everybody.
    pub max_failures: u32,
    /// Leases lost because the executor died or fell silent. Default 100, far above the other limit: a machine
    /// that is restarted again and again must not cost an episode, but a task that kills its executor must end.
    pub max_losses: u32,
}

impl Default for RetryLimits {
    fn default() -> Self {
        RetryLimits { max_failures: 3, max_losses: 100 }
    }
}

/// Settings of a [`super::SqliteStore`].
#[derive(Debug, Clone)]
pub struct SqliteSettings {
    /// The clock of the leases; all processes that share the file must use the machine's own.
    pub clock: LeaseClock,
    /// When a failing task is given up.
    pub retries: RetryLimits,
}

impl Default for SqliteSettings {
    fn default() -> Self {
        SqliteSettings { clock: LeaseClock::system(), retries: RetryLimits::default() }
    }
}
