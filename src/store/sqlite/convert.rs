//! Between SQLite's values and the domain's, and from its errors to the store's.

use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::types::FromSql;
use rusqlite::{ErrorCode, Row};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Digest, Hotkey, Uid};
use crate::store::StoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error::*;
        match &error {
            FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) => {
                StoreError::Corrupt(error.to_string())
            }
            SqliteFailure(failure, _) => match failure.code {
                ErrorCode::ConstraintViolation => StoreError::Conflict(format!("the database refused this: {error}")),
                ErrorCode::NotADatabase => StoreError::Refused(format!("this file is no SQLite database: {error}")),
                ErrorCode::DatabaseCorrupt => StoreError::Corrupt(format!("SQLite finds the file damaged: {error}")),
                ErrorCode::DiskFull => StoreError::Unavailable("the disk is full; make room, nothing is lost".into()),
                // SQLite names a full disk so when it cannot enlarge the index of its log.
                ErrorCode::SystemIoFailure => StoreError::Unavailable(format!(
                    "the disk cannot be written or read ({error}); is it full? Make room or repair it, nothing is lost"
                )),
                ErrorCode::ReadOnly => {
                    StoreError::Unavailable("the database is read-only; give this user write access to it".into())
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
                    StoreError::Unavailable("another process holds the database for too long".into())
                }
                _ => StoreError::Unavailable(format!("SQLite says: {error}")),
            },
            _ => StoreError::Unavailable(format!("SQLite says: {error}")),
        }
    }
}

/// SQLite's integers are signed; every number of ours is far below the border.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// An unsigned number out of a column.
pub(super) fn number(row: &Row<'_>, column: &str) -> Result<u64, StoreError> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| StoreError::Corrupt(format!("{column} is {value}")))
}

/// A 32-bit number out of a column.
pub(super) fn small(row: &Row<'_>, column: &str) -> Result<u32, StoreError> {
    Ok(row.get(column)?)
}

/// A value written as text out of a column.
pub(super) fn text<T: FromStr>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let value: String = row.get(column)?;
    value.parse().map_err(|_| StoreError::Corrupt(format!("{column} is {value:?}")))
}

/// A nullable value written as text.
pub(super) fn text_or_null<T: FromStr>(row: &Row<'_>, column: &str) -> Result<Option<T>, StoreError> {
    match row.get::<_, Option<String>>(column)? {
        None => Ok(None),
        Some(value) => value.parse().map(Some).map_err(|_| StoreError::Corrupt(format!("{column} is {value:?}"))),
    }
}

/// A digest out of a column.
pub(super) fn digest(row: &Row<'_>, column: &str) -> Result<Digest, StoreError> {
    Ok(Digest(row.get(column)?))
}

/// A nullable digest.
pub(super) fn digest_or_null(row: &Row<'_>, column: &str) -> Result<Option<Digest>, StoreError> {
    Ok(row.get::<_, Option<[u8; 32]>>(column)?.map(Digest))
}

/// A hotkey out of the column `hotkey`.
pub(super) fn hotkey(row: &Row<'_>) -> Result<Hotkey, StoreError> {
    Ok(Hotkey(row.get("hotkey")?))
}

/// A uid out of the column `uid`.
pub(super) fn uid(row: &Row<'_>) -> Result<Uid, StoreError> {
    Ok(Uid(row.get("uid")?))
}

/// A value kept as JSON text.
pub(super) fn from_json<T: DeserializeOwned>(what: &str, json: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| StoreError::Corrupt(format!("{what}: {error}")))
}

/// The JSON text of a value.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("our own plain data always serialises")
}

/// A value that serialises to one JSON string, as that string.
pub(super) fn slug<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        other => unreachable!("a unit variant serialises to a string, not to {other:?}"),
    }
}

/// The value behind a slug out of a column.
pub(super) fn from_slug<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<T, StoreError> {
    let value: String = row.get(column)?;
    parse_slug(column, value)
}

/// The value behind a nullable slug.
pub(super) fn from_slug_or_null<T: DeserializeOwned>(row: &Row<'_>, column: &str) -> Result<Option<T>, StoreError> {
    row.get::<_, Option<String>>(column)?.map(|value| parse_slug(column, value)).transpose()
}

fn parse_slug<T: DeserializeOwned>(column: &str, value: String) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(value.clone()))
        .map_err(|_| StoreError::Corrupt(format!("{column} is {value:?}")))
}

/// The time now, as it is stored: whole milliseconds, UTC.
pub(super) fn now() -> String {
    let now = Timestamp::now();
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    format!("{now:.3}")
}

/// One value of one row.
pub(super) fn one<T: FromSql>(
    connection: &rusqlite::Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<T, StoreError> {
    Ok(connection.prepare_cached(sql)?.query_row(params, |row| row.get(0))?)
}
