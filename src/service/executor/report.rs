//! Handing in results: transcripts first, then results in batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::lease::Held;
use crate::domain::{ExecutorId, printable};
use crate::service::tasks::{TaskError, TaskQueue, TaskResult};

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

/// Hands a batch in, over and over while the queue cannot take it. A batch that is refused as a whole is taken apart, so that
/// one result that nobody will ever take does not hold up the others.
async fn hand_in(queue: &dyn TaskQueue, executor: &ExecutorId, batch: &[TaskResult]) {
    let Some(error) = try_to_hand_in(queue, executor, batch).await else { return };
    if let [result] = batch {
        tracing::error!(task = %result.task, error = %printable(&error.to_string(), 200), "this result is given up");
        return;
    }
    for result in batch.chunks(1) {
        if let Some(error) = try_to_hand_in(queue, executor, result).await {
            let task = result[0].task;
            tracing::error!(%task, error = %printable(&error.to_string(), 200), "this result is given up");
        }
    }
}

/// Whether asking again with the same results cannot help.
fn is_final(error: &TaskError) -> bool {
    matches!(error, TaskError::Invalid { .. } | TaskError::Conflict(_))
}

/// `None` when the batch was answered or nobody took it for too long; the error when it will never be taken.
async fn try_to_hand_in(queue: &dyn TaskQueue, executor: &ExecutorId, batch: &[TaskResult]) -> Option<TaskError> {
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
                return None;
            }
            Err(error) if is_final(&error) => return Some(error),
            Err(error) => tracing::warn!(error = %printable(&error.to_string(), 200), "results not handed in yet"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    tracing::error!(results = batch.len(), "results dropped: nobody took them for half an hour");
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::*;
    use crate::domain::{Attempt, Digest, Fault, FaultReason, Outcome, TaskId};
    use crate::service::tasks::{FetchRequest, QueueFuture};
    use crate::store::{Heartbeat, Leased, SubmitAnswer};

    /// Refuses every request that holds the result of task 2, and notes what it takes.
    #[derive(Default)]
    struct Picky(Mutex<Vec<TaskId>>);

    impl TaskQueue for Picky {
        fn fetch(&self, _: FetchRequest) -> QueueFuture<'_, Leased> {
            unreachable!("nobody fetches here")
        }
        fn heartbeat(&self, _: ExecutorId, _: Vec<TaskId>) -> QueueFuture<'_, Heartbeat> {
            unreachable!("no heart beats here")
        }
        fn release(&self, _: ExecutorId, _: Vec<TaskId>) -> QueueFuture<'_, u64> {
            unreachable!("nothing is given back here")
        }
        fn upload_transcript(&self, _: ExecutorId, _: Digest, _: Bytes) -> QueueFuture<'_, ()> {
            unreachable!("nothing is uploaded here")
        }
        fn submit(&self, _: ExecutorId, results: Vec<TaskResult>) -> QueueFuture<'_, Vec<SubmitAnswer>> {
            let answer = if results.iter().any(|result| result.task == task(2)) {
                Err(TaskError::Invalid { field: "transcript", detail: "its file is damaged".into() })
            } else {
                self.0.lock().unwrap().extend(results.iter().map(|result| result.task));
                Ok(vec![SubmitAnswer::Accepted; results.len()])
            };
            Box::pin(async move { answer })
        }
    }

    fn task(number: u8) -> TaskId {
        TaskId([number; 16])
    }

    fn result(number: u8) -> TaskResult {
        TaskResult {
            task: task(number),
            attempt: Attempt(1),
            outcome: Outcome::Faulted,
            fault: Some(Fault::new(FaultReason::EngineFailure)),
            steps: 0,
            total_reward: 0.0,
            transcript: None,
            note: None,
        }
    }

    #[tokio::test]
    async fn a_result_that_will_never_be_taken_does_not_hold_up_the_others() {
        let queue = Picky::default();
        let (executor, batch) = ("e".parse().unwrap(), [result(1), result(2), result(3)]);
        let handed_in = hand_in(&queue, &executor, &batch);
        tokio::time::timeout(Duration::from_secs(5), handed_in).await.expect("it does not try for half an hour");
        assert_eq!(*queue.0.lock().unwrap(), [task(1), task(3)]);
    }
}
