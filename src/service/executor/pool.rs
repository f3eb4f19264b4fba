//! The fixed threads on which physics runs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, oneshot};

use super::super::panic_text::panic_text;

/// Jobs that may wait for a thread. Each episode in flight has at most one, so this is never the limit in
/// practice; it bounds memory if that should change.
const QUEUE_LEN: usize = 4096;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads that run physics, so that network waits never hold a core and physics never
/// holds up the network. Dropping the last handle ends the threads.
#[derive(Clone)]
pub struct PhysicsPool {
    jobs: mpsc::Sender<Job>,
}

/// A job that did not come back.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// The job panicked; its episode is lost, the thread goes on.
    #[error("physics panicked: {0}")]
    Panicked(String),
    /// The pool is shutting down.
    #[error("the physics threads have ended")]
    Closed,
}

impl PhysicsPool {
    /// Starts `threads` threads, or one per core for 0.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(threads: usize) -> std::io::Result<PhysicsPool> {
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            given => given,
        };
        let (jobs, receiver) = mpsc::channel::<Job>(QUEUE_LEN);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads {
            let receiver = Arc::clone(&receiver);
            std::thread::Builder::new().name(format!("physics-{number}")).spawn(move || {
                loop {
                    // The lock is held while waiting: one thread waits for a job, the others for the lock.
                    let job = receiver.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).blocking_recv();
                    match job {
                        Some(job) => job(),
                        None => break,
                    }
                }
            })?;
        }
        Ok(PhysicsPool { jobs })
    }

    /// Runs `work` on one of the threads and waits for its result.
    ///
    /// # Errors
    /// [`PoolError::Panicked`] when `work` panics, [`PoolError::Closed`] when the threads have ended.
    pub async fn run<T, F>(&self, work: F) -> Result<T, PoolError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (answer, result) = oneshot::channel();
        let job: Job = Box::new(move || {
            let outcome = catch_unwind(AssertUnwindSafe(work));
            // A receiver that is gone has been cancelled and wants no answer.
            let _ = answer.send(outcome);
        });
        self.jobs.send(job).await.map_err(|_| PoolError::Closed)?;
        match result.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(panic)) => Err(PoolError::Panicked(panic_text(panic.as_ref()))),
            Err(_) => Err(PoolError::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_answer_and_the_thread_goes_on() {
        let pool = PhysicsPool::start(1).unwrap();
        let panicked = pool.run(|| -> u32 { panic!("broken joint") }).await;
        assert!(matches!(panicked, Err(PoolError::Panicked(text)) if text == "broken joint"));
        assert_eq!(pool.run(|| 7).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn many_jobs_share_few_threads() {
        let pool = PhysicsPool::start(2).unwrap();
        let jobs = (0..100u64).map(|n| {
            let pool = pool.clone();
            async move { pool.run(move || n * n).await.unwrap() }
        });
        let squares = futures_util::future::join_all(jobs).await;
        assert_eq!(squares.iter().sum::<u64>(), 328_350);
    }
}
