//! Copies of a database while others write to it, and reading such a copy.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::convert::{digest, number};
use super::open::{open_reader, refuse_foreign, refuse_other_formats};
use crate::domain::{CycleId, Digest};
use crate::store::StoreError;

/// Tries to begin the copy while another process holds the database, and the pause between them: five seconds, after which
/// something is stuck.
const MAX_TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// Copies a SQLite database as it stands at one moment into the new file `to`, which needs no log beside it. Whoever writes to
/// `from` meanwhile is not held up, and what they write is not in the copy. Blocks.
///
/// # Errors
/// [`StoreError::NotFound`] when there is no such file, [`StoreError::Corrupt`] when SQLite finds the copy damaged,
/// [`StoreError::Unavailable`].
pub fn copy_database(from: &Path, to: &Path) -> Result<(), StoreError> {
    if !from.exists() {
        return Err(StoreError::NotFound(format!("there is no database {}", from.display())));
    }
    let source = open_reader(from)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags)?;
    copy_at_once(&Backup::new(&source, &mut target)?)?;
    // The copy says of itself that it has a log, as its source does; so it could not be read from a disk that is read-only.
    target.pragma_update(None, "journal_mode", "DELETE")?;
    check_pages(&target)?;
    drop(target);
    let synced = File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| StoreError::Unavailable(format!("cannot write {}: {error}", to.display())))
}

/// In one step, for between two of them a writer would have the copy begin again.
fn copy_at_once(backup: &Backup<'_, '_>) -> Result<(), StoreError> {
    for _ in 0..MAX_TRIES {
        match backup.step(-1)? {
            StepResult::Done => return Ok(()),
            _ => std::thread::sleep(PAUSE),
        }
    }
    Err(StoreError::Unavailable("another process holds the database for too long".into()))
}

fn check_pages(connection: &Connection) -> Result<(), StoreError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" { Ok(()) } else { Err(StoreError::Corrupt(format!("SQLite finds the file damaged: {found}"))) }
}

/// A copy of a store's database, to be read and never changed.
pub struct DatabaseCopy {
    path: PathBuf,
    connection: Connection,
}

impl DatabaseCopy {
    /// Opens it; nothing is written, not even beside it.
    ///
    /// # Errors
    /// As [`super::SqliteStore::open_existing`].
    pub fn open(path: &Path) -> Result<DatabaseCopy, StoreError> {
        if !path.exists() {
            return Err(StoreError::NotFound(format!("there is no database {}", path.display())));
        }
        refuse_other_formats(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        refuse_foreign(path, &connection)?;
        Ok(DatabaseCopy { path: path.to_owned(), connection })
    }

    /// Has SQLite look at every page.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first thing it finds.
    pub fn check(&self) -> Result<(), StoreError> {
        check_pages(&self.connection)
    }

    /// The digest of the whole file.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be read.
    pub fn file_digest(&self) -> Result<Digest, StoreError> {
        let mut hasher = blake3::Hasher::new();
        let read = File::open(&self.path).and_then(|file| hasher.update_reader(file).map(drop));
        read.map_err(|error| StoreError::Unavailable(format!("cannot read {}: {error}", self.path.display())))?;
        Ok(Digest(*hasher.finalize().as_bytes()))
    }

    /// Transcripts that a row names. A database without a schema names none.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer.
    pub fn transcripts(&self) -> Result<Vec<Digest>, StoreError> {
        if self.is_empty()? { Ok(Vec::new()) } else { super::episode_reads::transcripts(&self.connection) }
    }

    /// Hands each published manifest over: its cycle, the digest it was published under, its bytes.
    ///
    /// # Errors
    /// [`StoreError`] when the database does not answer.
    pub fn each_manifest(&self, mut take: impl FnMut(CycleId, Digest, &[u8])) -> Result<(), StoreError> {
        if self.is_empty()? {
            return Ok(());
        }
        let mut query = self.connection.prepare("SELECT cycle, digest, manifest FROM publication ORDER BY cycle")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let manifest: Vec<u8> = row.get("manifest")?;
            take(CycleId(number(row, "cycle")?), digest(row, "digest")?, &manifest);
        }
        Ok(())
    }

    fn is_empty(&self) -> Result<bool, StoreError> {
        let tables: i64 = self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok(tables == 0)
    }
}
