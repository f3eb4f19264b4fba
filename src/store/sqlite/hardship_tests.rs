//! What the store does when disk or file fail it.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::{SqliteSettings, SqliteStore};
use crate::domain::{Digest, ExecutorId};
use crate::store::{ApiKeyRole, NewApiKey, Store, StoreError};

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, SqliteSettings::default()).unwrap()
}

/// A small acknowledged write, told apart by its number.
async fn write(store: &SqliteStore, number: u64) -> Result<u64, StoreError> {
    let executor: ExecutorId = format!("{}-{number}", "x".repeat(40)).parse().unwrap();
    let digest = Digest::of(&number.to_le_bytes());
    store.add_api_key(NewApiKey { executor, digest, role: ApiKeyRole::Executor, expires_at: None }).await
}

async fn count(store: &SqliteStore) -> u64 {
    store.scale().await.unwrap().rows["api_key"]
}

/// Changes a limit of the writer's connection.
async fn pragma(store: &SqliteStore, sql: String) {
    // Outside a transaction: the next group begins after this one has ended.
    store
        .write(move |connection| Ok(connection.execute_batch(&format!("COMMIT; {sql}; BEGIN; SAVEPOINT request"))?))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_full_disk_is_unavailable_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"));
    write(&store, 0).await.unwrap();
    pragma(&store, "PRAGMA max_page_count = 1".into()).await;
    let mut accepted = 1;
    let mut refused = 0;
    for number in 1..400 {
        match write(&store, number).await {
            Ok(_) => accepted += 1,
            Err(StoreError::Unavailable(why)) => {
                assert!(why.contains("full"), "{why}");
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0);
    assert_eq!(count(&store).await, accepted);
    pragma(&store, "PRAGMA max_page_count = 1000000".into()).await;
    write(&store, 1_000).await.unwrap();
    assert_eq!(count(&store).await, accepted + 1);
}

#[tokio::test]
async fn a_read_only_database_is_unavailable_and_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("db"));
    write(&store, 0).await.unwrap();
    pragma(&store, "PRAGMA query_only = on".into()).await;
    let error = write(&store, 1).await.unwrap_err().to_string();
    assert!(error.contains("read-only"), "{error}");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn another_process_that_writes_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = open(&path);
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writing = write(&store, 1);
    let release = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        other.execute_batch("COMMIT").unwrap();
    };
    let (written, ()) = tokio::join!(writing, release);
    written.unwrap();
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Images of a database whose log was torn behind the last acknowledged write: cut short, or with flipped bytes,
/// at places spread over the frames of a write that was never acknowledged.
#[tokio::test]
async fn a_torn_log_opens_and_keeps_every_acknowledged_row() {
    const IMAGES: usize = 100;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let store = open(&path);
    for number in 0..20 {
        write(&store, number).await.unwrap();
    }
    let acknowledged = std::fs::metadata(log_of(&path)).unwrap().len() as usize;
    write(&store, 20).await.unwrap();
    let (database, log) = (std::fs::read(&path).unwrap(), std::fs::read(log_of(&path)).unwrap());
    assert!(log.len() > acknowledged);
    drop(store);

    for image in 0..IMAGES {
        let torn_at = acknowledged + image * (log.len() - acknowledged) / IMAGES;
        let copy = folder.path().join(format!("image-{image}"));
        let mut torn = log.clone();
        if image % 2 == 0 {
            torn.truncate(torn_at);
        } else {
            torn[torn_at] ^= 0x55;
        }
        std::fs::write(&copy, &database).unwrap();
        std::fs::write(log_of(&copy), &torn).unwrap();
        let store = open(&copy);
        assert!(count(&store).await >= 20, "image {image}");
        write(&store, 1_000).await.unwrap();
    }
}
