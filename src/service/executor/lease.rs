//! Keeping leases alive while their episodes run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::domain::{ExecutorId, TaskId};
use crate::service::tasks::{MAX_ITEMS, TaskQueue};

/// A lease is renewed three times in its length, so that two lost heartbeats do not lose it.
const HEARTBEATS_PER_LEASE: u64 = 3;

/// How often the time of the next heartbeat is looked at, at least.
const LOOK: Duration = Duration::from_millis(500);
/// Heartbeats come this often while no lease has said how long it lasts.
const FIRST_PERIOD_MS: u64 = 10_000;

/// The tasks that this executor works on now, each with the token that ends its episode.
#[derive(Clone)]
pub struct Held {
    tasks: Arc<Mutex<BTreeMap<TaskId, CancellationToken>>>,
    period_ms: Arc<AtomicU64>,
}

impl Default for Held {
    fn default() -> Self {
        Held { tasks: Arc::default(), period_ms: Arc::new(AtomicU64::new(FIRST_PERIOD_MS)) }
    }
}

impl Held {
    /// Takes note of a task leased for `lease_ms`; the token is cancelled when its lease is lost.
    pub fn take(&self, task: TaskId, lease_ms: u64) -> CancellationToken {
        self.period_ms.store((lease_ms / HEARTBEATS_PER_LEASE).max(1), Ordering::Relaxed);
        let token = CancellationToken::new();
        self.lock().insert(task, token.clone());
        token
    }

    /// Forgets a task that was handed in or given back.
    pub fn drop(&self, task: &TaskId) {
        self.lock().remove(task);
    }

    /// All tasks held now.
    pub fn all(&self) -> Vec<TaskId> {
        self.lock().keys().copied().collect()
    }

    fn lose(&self, task: &TaskId) {
        if let Some(token) = self.lock().remove(task) {
            token.cancel();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TaskId, CancellationToken>> {
        self.tasks.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Renews the leases of `held` until `shutdown`. An answer that a lease is lost ends its episode; a queue that does
/// not answer ends nothing: the result may still be accepted when no other attempt has finished.
pub async fn keep_alive(queue: Arc<dyn TaskQueue>, executor: ExecutorId, held: Held, shutdown: CancellationToken) {
    let mut last = Instant::now();
    loop {
        // Looked at often, since a first lease may be much shorter than the period before it.
        let period = Duration::from_millis(held.period_ms.load(Ordering::Relaxed));
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(period.min(LOOK)) => {}
        }
        if last.elapsed() < period {
            continue;
        }
        last = Instant::now();
        for tasks in held.all().chunks(MAX_ITEMS) {
            match queue.heartbeat(executor.clone(), tasks.to_vec()).await {
                Ok(answer) => {
                    for task in &answer.lost {
                        tracing::warn!(%task, "the lease of this task is lost; its episode is given up");
                        held.lose(task);
                    }
                }
                Err(error) => tracing::warn!(%error, "heartbeat failed; trying again"),
            }
        }
    }
}
