//! Handing in results: transcripts first, then results in batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::lease::Held;
use crate::domain::{ExecutorId, printable};
use crate::service::tasks::{TaskQueue, TaskResult};

/// Results handed in together at most; the queue's own limit is larger.
const BATCH: usize = 100;
/// How long a result waits for others of its batch.
const LINGER: Duration = Duration::from_millis(20);
/// Pause after a failed try, doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Tries before results are dropped: with the pauses above about half an hour, longer than any lease, so that
/// somebody else has the tasks by then.
const MAX_TRIES: u32 = 180;

/// Hands in what arrives on `finished` until that closes.
pub async fn report(
    queue: Arc<dyn TaskQueue>,
    executor: ExecutorId,
    held: Held,
    mut finished: mpsc::Receiver<TaskResult>,
) {
    while let Some(first) = finished.recv().await {
        let mut batch = vec![first];
        let more = tokio::time::timeout(LINGER, async {
            while batch.len() < BATCH {
                match finished.recv().await {
                    Some(result) => batch.push(result),
                    None => break,
                }
            }
        });
        // Either the batch is full or the time is up; both are well.
        let _ = more.await;
        hand_in(queue.as_ref(), &executor, &batch).await;
        for result in &batch {
            held.drop(&result.task);
        }
    }
}

async fn hand_in(queue: &dyn TaskQueue, executor: &ExecutorId, batch: &[TaskResult]) {
    let mut pause = FIRST_PAUSE;
    for _ in 0..MAX_TRIES {
        match queue.submit(executor.clone(), batch.to_vec()).await {
            Ok(answers) => {
                for (result, answer) in batch.iter().zip(answers) {
                    let (task, attempt) = (result.task, result.attempt);
                    if answer.is_accepted() {
                        tracing::debug!(%task, %attempt, "result accepted");
                    } else {
                        tracing::warn!(%task, %attempt, ?answer, "result not accepted");
                    }
                }
                return;
            }
            Err(error) => tracing::warn!(error = %printable(&error.to_string(), 200), "results not handed in yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    tracing::error!(results = batch.len(), "results dropped: nobody took them for half an hour");
}
