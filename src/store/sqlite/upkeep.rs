//! Looking after the file.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::convert::one;
use super::open::SCHEMA_VERSION;
use crate::store::{Scale, StoreError};

/// Tables in an order in which each can be emptied: what refers to others comes first. Keys are kept.
const TABLES_TO_EMPTY: [&str; 9] =
    ["weight", "score", "publication", "attempt", "task", "submission", "cycle_secret", "cycle", "contest"];

/// Rows of each table and bytes of the file.
pub(super) fn scale(connection: &Connection) -> Result<Scale, StoreError> {
    let mut rows = BTreeMap::new();
    for table in TABLES_TO_EMPTY.iter().chain(&["api_key"]) {
        let count: i64 = one(connection, &format!("SELECT count(*) FROM {table}"), [])?;
        rows.insert((*table).to_owned(), count as u64);
    }
    let bytes: i64 = one(connection, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", [])?;
    Ok(Scale { rows, bytes: bytes as u64, schema_version: SCHEMA_VERSION })
}

/// Empties everything but schema and API keys.
pub(super) fn reset(connection: &Connection) -> Result<(), StoreError> {
    for table in TABLES_TO_EMPTY {
        connection.execute_batch(&format!("DELETE FROM {table}"))?;
    }
    Ok(())
}
