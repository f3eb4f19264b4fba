//! Keeping leases alive while their episodes run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::{ExecutorId, TaskId};
use crate::service::tasks::TaskQueue;

/// A lease is renewed three times in its length, so that two lost heartbeats do not lose it.
const HEARTBEATS_PER_LEASE: u64 = 3;
/// Tasks named in one heartbeat; the queue takes no more.
const MAX_PER_HEARTBEAT: usize = 1_000;

/// The tasks that this executor works on now, each with the token that ends its episode.
#[derive(Clone, Default)]
pub struct Held(Arc<Mutex<BTreeMap<TaskId, CancellationToken>>>);

impl Held {
    /// Takes note of a leased task; the token is cancelled when its lease is lost.
    pub fn take(&self, task: TaskId) -> CancellationToken {
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
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Renews the leases of `held` until `shutdown`. An answer that a lease is lost ends its episode; a queue that does
/// not answer ends nothing: the result may still be accepted when no other attempt has finished.
pub async fn keep_alive(
    queue: Arc<dyn TaskQueue>,
    executor: ExecutorId,
    held: Held,
    lease_ms: u64,
    shutdown: CancellationToken,
) {
    let period = Duration::from_millis((lease_ms / HEARTBEATS_PER_LEASE).max(1));
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        for tasks in held.all().chunks(MAX_PER_HEARTBEAT) {
            match queue.heartbeat(executor.clone(), tasks.to_vec(), lease_ms).await {
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
