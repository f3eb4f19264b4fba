//! Opening the database file: whose it is, which version, with which guarantees.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};

use crate::store::StoreError;

/// Marks a SQLite file as ours: "kntr".
const APPLICATION_ID: i32 = 0x6b6e_7472;
/// How the header of every SQLite 3 file begins.
const SQLITE_MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Longest wait for another process's write. Each write transaction takes milliseconds, so five seconds
/// mean that something is stuck.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements kept per connection; about twice as many as there are different ones.
const STATEMENT_CACHE: usize = 128;

/// Steps of the schema, oldest first, named by their day. Never edited once released: a change is a new step.
static STEPS: &[(&str, &str)] = &[
    ("2026-11-20-initial", include_str!("migrations/2026-11-20-initial.sql")),
    ("2026-11-22-weights", include_str!("migrations/2026-11-22-weights.sql")),
];

/// The version of the schema that this program writes.
pub const SCHEMA_VERSION: u32 = 2;

static MIGRATIONS: LazyLock<Migrations<'static>> =
    LazyLock::new(|| Migrations::new(STEPS.iter().map(|(name, sql)| M::up(sql).comment(name)).collect()));

/// Opens the database for writing, making or upgrading it.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    refuse_other_formats(path)?;
    let mut connection = Connection::open(path).map_err(|error| cannot_open(path, &error))?;
    prepare(&connection)?;
    refuse_foreign(path, &connection)?;
    // Full: the log is synced at each commit, so what was acknowledged survives a loss of power.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    MIGRATIONS.to_latest(&mut connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => StoreError::from(err),
        other => StoreError::Refused(format!("cannot bring {} up to date: {other}", path.display())),
    })?;
    Ok(connection)
}

/// Makes an empty database of ours without a schema; answers whether the file is new.
pub(super) fn create_empty(path: &Path) -> Result<bool, StoreError> {
    refuse_other_formats(path)?;
    let is_new = !path.exists();
    let connection = Connection::open(path).map_err(|error| cannot_open(path, &error))?;
    prepare(&connection)?;
    refuse_foreign(path, &connection)?;
    Ok(is_new)
}

/// Opens a database that exists for reading.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| cannot_open(path, &error))?;
    prepare(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

/// Refuses a file that is not SQLite's before SQLite touches it.
pub(super) fn refuse_other_formats(path: &Path) -> Result<(), StoreError> {
    let mut magic = Vec::new();
    match File::open(path) {
        Ok(file) => {
            file.take(16).read_to_end(&mut magic).map_err(|error| StoreError::Unavailable(error.to_string()))?
        }
        Err(_) => return Ok(()), // Missing or unreadable: opening it will make it, or say why not.
    };
    if magic.is_empty() || magic == SQLITE_MAGIC {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "{} is not a database of kinitro (it is no SQLite file); move it away or choose another --data-dir",
        path.display()
    )))
}

/// Refuses another program's database, and one that a newer kinitro wrote.
pub(super) fn refuse_foreign(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let pragma =
        |name: &str| -> Result<i32, StoreError> { Ok(connection.pragma_query_value(None, name, |r| r.get(0))?) };
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    if tables == 0 && application == 0 {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        return Ok(());
    }
    if application != APPLICATION_ID {
        return Err(StoreError::Refused(format!(
            "{} belongs to another program; move it away or choose another --data-dir",
            path.display()
        )));
    }
    if version > SCHEMA_VERSION as i32 {
        return Err(StoreError::Refused(format!(
            "{} was written by a newer kinitro (schema {version}, this program knows {SCHEMA_VERSION}); use that release \
             or newer",
            path.display()
        )));
    }
    Ok(())
}

fn cannot_open(path: &Path, error: &rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!(
        "cannot open {}: {error}; does the folder exist and may be written?",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_valid_and_counted() {
        MIGRATIONS.validate().unwrap();
        assert_eq!(STEPS.len(), SCHEMA_VERSION as usize);
    }

    #[test]
    fn released_steps_are_never_edited() {
        let digests: Vec<String> = STEPS
            .iter()
            .map(|(name, sql)| format!("{name} {}", crate::domain::Digest::of(sql.as_bytes()).short()))
            .collect();
        assert_eq!(digests, ["2026-11-20-initial 87085cb9", "2026-11-22-weights 2da3b6b8"]);
    }

    #[test]
    fn a_newer_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        open_writer(&path).unwrap().pragma_update(None, "user_version", SCHEMA_VERSION + 1).unwrap();
        let error = open_writer(&path).unwrap_err().to_string();
        assert!(error.contains("written by a newer kinitro"), "{error}");
    }

    #[test]
    fn foreign_files_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        std::fs::write(&path, b"a letter to somebody").unwrap();
        assert!(open_writer(&path).unwrap_err().to_string().contains("no SQLite file"));
        assert_eq!(std::fs::read(&path).unwrap(), b"a letter to somebody");

        let other = folder.path().join("other");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE address (name TEXT)").unwrap();
        assert!(open_writer(&other).unwrap_err().to_string().contains("belongs to another program"));
    }

    #[test]
    fn commits_are_synced() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("db")).unwrap();
        let level: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!((level, mode.as_str()), (2, "wal"));
    }
}
