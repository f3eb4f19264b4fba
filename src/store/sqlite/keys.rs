//! API keys.

use rusqlite::{Connection, Row, params};

use super::convert::{digest, from_slug, int, now, number, text, text_or_null};
use crate::domain::Digest;
use crate::store::{ApiKeyRow, NewApiKey, StoreError};

/// Stores a key.
pub(super) fn add(connection: &Connection, key: &NewApiKey) -> Result<u64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO api_key (executor, digest, role, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            key.executor.as_str(),
            key.digest.0,
            key.role.as_str(),
            now(),
            key.expires_at.map(|at| at.to_string())
        ])?;
    Ok(connection.last_insert_rowid() as u64)
}

fn from_row(row: &Row<'_>) -> Result<ApiKeyRow, StoreError> {
    Ok(ApiKeyRow {
        id: number(row, "id")?,
        executor: text(row, "executor")?,
        digest: digest(row, "digest")?,
        role: from_slug(row, "role")?,
        created_at: text(row, "created_at")?,
        expires_at: text_or_null(row, "expires_at")?,
        revoked_at: text_or_null(row, "revoked_at")?,
    })
}

/// The key with a digest.
pub(super) fn by_digest(connection: &Connection, digest: &Digest) -> Result<Option<ApiKeyRow>, StoreError> {
    let mut query = connection.prepare_cached("SELECT * FROM api_key WHERE digest = ?1")?;
    query.query_and_then([digest.0], from_row)?.next().transpose()
}

/// Every key.
pub(super) fn list(connection: &Connection) -> Result<Vec<ApiKeyRow>, StoreError> {
    let mut query = connection.prepare_cached("SELECT * FROM api_key ORDER BY id")?;
    query.query_and_then([], from_row)?.collect()
}

/// Revokes a key; a second time changes nothing.
pub(super) fn revoke(connection: &Connection, id: u64) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached("UPDATE api_key SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1")?
        .execute(params![int(id), now()])?;
    Ok(changed == 1)
}
