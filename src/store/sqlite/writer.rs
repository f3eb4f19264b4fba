//! The one thread that writes, and group commit.
//!
//! A commit costs a sync of the disk whether it holds one row or a hundred, so all requests that wait when a
//! transaction begins share it. Each runs in a savepoint of its own: one that fails is undone alone.

use std::path::Path;
use std::sync::Mutex;
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// Requests that share one commit at most: larger groups gain little and make the first one wait longer.
const MAX_GROUP: usize = 128;
/// Requests that may wait. Beyond it the store answers "unavailable" at once instead of collecting a backlog.
const MAX_WAITING: usize = 4_096;

/// Tells one requester how its transaction ended.
type Reply = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// One write that waits for its turn.
trait Job: Send {
    /// Runs in a savepoint; answers whether to keep what it did, and whom to tell after the commit.
    fn run(self: Box<Self>, connection: &Connection) -> (bool, Reply);

    /// Tells the requester that it will not run.
    fn refuse(self: Box<Self>, error: StoreError);
}

struct Request<T, F> {
    work: F,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Request<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(self: Box<Self>, connection: &Connection) -> (bool, Reply) {
        let outcome = (self.work)(connection);
        let keep = outcome.is_ok();
        let answer = self.answer;
        // A requester that no longer listens has no claim on the answer; the write stands.
        (keep, Box::new(move |committed| drop(answer.send(outcome.and_then(|value| committed.map(|()| value))))))
    }

    fn refuse(self: Box<Self>, error: StoreError) {
        drop(self.answer.send(Err(error)));
    }
}

/// Handle of the writer thread. Dropping it lets the thread finish what waits and end.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread; it owns `connection`.
    pub(super) fn start(connection: Connection, path: &Path) -> Result<Writer, StoreError> {
        let (jobs, waiting) = mpsc::channel(MAX_WAITING);
        let thread =
            std::thread::Builder::new()
                .name("store-writer".into())
                .spawn(move || run(&connection, waiting))
                .map_err(|error| StoreError::Unavailable(format!("no thread to write {}: {error}", path.display())))?;
        Ok(Writer { jobs: Some(jobs), thread: Mutex::new(Some(thread)) })
    }

    /// Queues one write; the answer comes after its commit.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(Request { work, answer });
        let jobs = self.jobs.as_ref().expect("the sender is taken out only on drop");
        jobs.try_send(job)
            .map_err(|_| StoreError::Unavailable("too many writes are waiting; try again soon".into()))?;
        answered
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("the writer has stopped; restart kinitro".into())))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        let thread = self.thread.lock().map(|mut thread| thread.take());
        if let Ok(Some(thread)) = thread {
            // It ends after its queue; that it panicked has been told to everybody who waited.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP {
            let Ok(next) = waiting.try_recv() else { break };
            group.push(next);
        }
        commit_group(connection, group);
    }
}

/// Runs a group in one transaction and tells everybody how it ended.
fn commit_group(connection: &Connection, group: Vec<Box<dyn Job>>) {
    if let Err(error) = connection.execute_batch("BEGIN IMMEDIATE") {
        return refuse_all(group, &StoreError::from(error));
    }
    let mut replies = Vec::with_capacity(group.len());
    let mut rest = group.into_iter();
    for job in rest.by_ref() {
        replies.extend(run_one(connection, job));
        // A full disk makes SQLite undo the whole transaction by itself.
        if connection.is_autocommit() {
            break;
        }
    }
    let committed = if connection.is_autocommit() {
        Err(StoreError::Unavailable("the database undid a group of writes; is the disk full?".into()))
    } else {
        connection.execute_batch("COMMIT").map_err(StoreError::from)
    };
    if committed.is_err() && !connection.is_autocommit() {
        // If even this fails the next BEGIN does too and its group is refused.
        let _ = connection.execute_batch("ROLLBACK");
    }
    for reply in replies {
        reply(committed.clone());
    }
    refuse_all(rest.collect(), &StoreError::Unavailable("the write before this one failed; try again".into()));
}

fn run_one(connection: &Connection, job: Box<dyn Job>) -> Option<Reply> {
    if let Err(error) = connection.execute_batch("SAVEPOINT request") {
        job.refuse(StoreError::from(error));
        return None;
    }
    let (keep, reply) = job.run(connection);
    if connection.is_autocommit() {
        return Some(reply);
    }
    let ended = connection.execute_batch(if keep { "RELEASE request" } else { "ROLLBACK TO request; RELEASE request" });
    match ended {
        Ok(()) => Some(reply),
        // The requester must not be told "yes" even if the rest of the group is committed.
        Err(error) => Some(Box::new(move |_| reply(Err(StoreError::from(error))))),
    }
}

fn refuse_all(group: Vec<Box<dyn Job>>, error: &StoreError) {
    for job in group {
        job.refuse(error.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::Writer;
    use crate::store::StoreError;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER UNIQUE)").unwrap();
        Writer::start(connection, Path::new("memory")).unwrap()
    }

    fn insert(connection: &Connection, n: i64) -> Result<(), StoreError> {
        connection.execute("INSERT INTO t VALUES (?1)", [n])?;
        Ok(())
    }

    #[tokio::test]
    async fn a_failing_request_is_undone_alone() {
        let writer = writer();
        let good = (0..200i64).map(|n| writer.write(move |c| insert(c, n)));
        let bad = writer.write(|c| {
            insert(c, 1_000)?;
            insert(c, 1_000)
        });
        let (good, bad) = futures_util::future::join(futures_util::future::join_all(good), bad).await;
        assert!(good.into_iter().all(|answer| answer.is_ok()));
        assert!(matches!(bad, Err(StoreError::Conflict(_))));
        let count: i64 =
            writer.write(|c| Ok(c.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?)).await.unwrap();
        assert_eq!(count, 200);
    }

    #[tokio::test]
    async fn a_writer_that_panicked_is_unavailable() {
        let writer = writer();
        let answer: Result<(), _> = writer.write(|_| panic!("on purpose")).await;
        assert!(matches!(answer, Err(StoreError::Unavailable(_))));
        assert!(matches!(writer.write(|c| insert(c, 1)).await, Err(StoreError::Unavailable(_))));
    }
}
