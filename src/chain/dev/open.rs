//! The file of a development chain.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

use super::super::ChainError;
use super::{DevChainSettings, clock, file_error};
use crate::beacon::dev_genesis;
use crate::domain::{BlockHash, printable};

/// Marks the file as a development chain: `kdev`.
const APPLICATION_ID: i32 = 0x6b64_6576;
/// Version of the tables below.
const SCHEMA_VERSION: i32 = 2;
/// How long a process waits for another one's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest name of a network.
const MAX_NAME: usize = 32;

/// History is kept: each row says from which block on it holds, and the newest one up to a block is the state there.
/// Weights that were committed first say by `committed` which block brought them. A commit without a hash is of locked
/// weights.
const TABLES: &str = "
    CREATE TABLE chain (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        name TEXT NOT NULL,
        genesis BLOB NOT NULL,
        base_block INTEGER NOT NULL,
        base_ms INTEGER NOT NULL,
        block_time_ms INTEGER NOT NULL,
        finality_lag INTEGER NOT NULL,
        stalled INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE subnet (netuid INTEGER PRIMARY KEY, rules TEXT NOT NULL) STRICT;
    CREATE TABLE neuron (
        netuid INTEGER NOT NULL,
        uid INTEGER NOT NULL,
        block INTEGER NOT NULL,
        hotkey BLOB NOT NULL,
        coldkey BLOB,
        stake_rao INTEGER NOT NULL,
        validator_permit INTEGER NOT NULL,
        PRIMARY KEY (netuid, uid, block)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE commitment (
        netuid INTEGER NOT NULL,
        hotkey BLOB NOT NULL,
        block INTEGER NOT NULL,
        data BLOB NOT NULL,
        kind TEXT,
        PRIMARY KEY (netuid, hotkey, block)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE commitment_space (
        netuid INTEGER NOT NULL,
        hotkey BLOB NOT NULL,
        block INTEGER NOT NULL,
        bytes INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE weights (
        netuid INTEGER NOT NULL,
        hotkey BLOB NOT NULL,
        block INTEGER NOT NULL,
        uids TEXT NOT NULL,
        vals TEXT NOT NULL,
        committed INTEGER,
        PRIMARY KEY (netuid, hotkey, block)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE weights_commit (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        netuid INTEGER NOT NULL,
        hotkey BLOB NOT NULL,
        block INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        hash BLOB,
        revealed INTEGER
    ) STRICT;
";

pub(super) fn in_file(path: &Path) -> Result<Connection, ChainError> {
    let shown = printable(&path.display().to_string(), 200);
    let connection =
        Connection::open(path).map_err(|error| ChainError::File(format!("{shown} cannot be opened ({error})")))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(file_error)?;
    let refuse = |why: &str| Err(ChainError::File(format!("{shown} {why}; name another file or move it away")));
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i32>(0));
    let (Ok(application), Ok(version), Ok(tables)) =
        (number("PRAGMA application_id"), number("PRAGMA user_version"), number("SELECT count(*) FROM sqlite_schema"))
    else {
        return refuse("is not a development chain");
    };
    match (tables, application, version) {
        (0, 0, 0) | (_, APPLICATION_ID, SCHEMA_VERSION) => {}
        (_, APPLICATION_ID, _) => return refuse("is a development chain of another release of kinitro"),
        _ => return refuse("is a database of another program"),
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(file_error)?;
    Ok(connection)
}

pub(super) fn in_memory() -> Result<Connection, ChainError> {
    Connection::open_in_memory().map_err(file_error)
}

/// Makes the chain if the file is new, and lets it run at the settings' pace. Name and genesis of the chain.
pub(super) fn prepare(
    connection: &mut Connection,
    settings: &DevChainSettings,
) -> Result<(String, BlockHash), ChainError> {
    let name_ok = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if settings.name.is_empty() || settings.name.len() > MAX_NAME || !settings.name.bytes().all(name_ok) {
        let why = "the name of a development chain has 1 to 32 letters, digits, '-' or '_'";
        return Err(ChainError::File(why.into()));
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(file_error)?;
    let is_new: bool =
        transaction.query_row("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0)).map_err(file_error)?;
    if is_new {
        transaction.execute_batch(TABLES).map_err(file_error)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(file_error)?;
        transaction.pragma_update(None, "user_version", SCHEMA_VERSION).map_err(file_error)?;
        let genesis = dev_genesis(&settings.name).0;
        transaction
            .execute(
                "INSERT INTO chain (id, name, genesis, base_block, base_ms, block_time_ms, finality_lag)
                 VALUES (1, ?1, ?2, 0, ?3, 0, 0)",
                params![settings.name, genesis, clock::now_ms()],
            )
            .map_err(file_error)?;
    }
    clock::set_pace(&transaction, settings.block_time_ms, settings.finality_lag_blocks)?;
    let (name, genesis) = transaction
        .query_row("SELECT name, genesis FROM chain", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(file_error)?;
    transaction.commit().map_err(file_error)?;
    Ok((name, BlockHash(genesis)))
}
