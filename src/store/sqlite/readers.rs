//! A few connections that only read, so that reads never wait for the writer.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::open::open_reader;
use crate::store::StoreError;

/// Reads at once. Reads are short and the machine has few cores; more would only compete.
const READERS: usize = 4;

/// A pool of read connections, opened when first needed.
pub(super) struct Readers {
    path: PathBuf,
    idle: Arc<Mutex<Vec<Connection>>>,
    slots: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Readers {
        Readers { path: path.into(), idle: Arc::default(), slots: Arc::new(Semaphore::new(READERS)) }
    }

    /// Runs `work` on a read connection, on a thread that may block. It sees one state of the database.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let stopped = || StoreError::Unavailable("the readers have stopped; restart kinitro".into());
        let slot = self.slots.clone().acquire_owned().await.map_err(|_| stopped())?;
        let (idle, path) = (self.idle.clone(), self.path.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let _slot = slot;
            let kept = idle.lock().map_err(|_| stopped())?.pop();
            let connection = kept.map_or_else(|| open_reader(&path), Ok)?;
            let answer = in_one_snapshot(&connection, work);
            // A connection on which a read failed may be broken; the next read opens a fresh one.
            if answer.is_ok() {
                idle.lock().map_err(|_| stopped())?.push(connection);
            }
            answer
        });
        reading.await.unwrap_or_else(|_| Err(StoreError::Unavailable("a read broke off".into())))
    }
}

fn in_one_snapshot<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("BEGIN DEFERRED")?;
    let answer = work(connection);
    connection.execute_batch("COMMIT")?;
    answer
}
