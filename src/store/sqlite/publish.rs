//! Making a cycle public, in one transaction.

use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{int, now};
use super::cycle_reads::newest_manifest;
use crate::domain::Digest;
use crate::store::{Publication, ScoreRow, StoreError, WeightRow};

/// Publishes a sealed cycle.
pub(super) fn publish(connection: &Connection, publication: &Publication) -> Result<(), StoreError> {
    let id = publication.cycle;
    if already_published(connection, publication)? {
        return Ok(());
    }
    let (status, sealed): (String, bool) = connection
        .prepare_cached("SELECT status, sealed FROM cycle WHERE id = ?1")?
        .query_row([int(id.0)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| StoreError::NotFound(format!("there is no cycle {id}")))?;
    if status == "failed" || !sealed {
        return Err(StoreError::Conflict(format!(
            "cycle {id} is {status} and not sealed; only a sealed cycle is published"
        )));
    }
    let previous = newest_manifest(connection)?.map_or(Digest::ZERO, |(_, digest)| digest);
    if previous != publication.previous {
        return Err(StoreError::Conflict(format!(
            "the manifest of cycle {id} names {} as the one before it, but that is {previous}",
            publication.previous
        )));
    }
    let published_at = now();
    connection
        .prepare_cached(
            "INSERT INTO publication (cycle, digest, previous, manifest, no_weights, published_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            int(id.0),
            publication.digest.0,
            publication.previous.0,
            publication.manifest,
            publication.no_weights,
            published_at
        ])?;
    insert_scores(connection, int(id.0), &publication.scores)?;
    insert_weights(connection, int(id.0), &publication.weights)?;
    connection
        .prepare_cached("UPDATE cycle SET status = 'completed', completed_at = ?2 WHERE id = ?1")?
        .execute(params![int(id.0), published_at])?;
    Ok(())
}

fn already_published(connection: &Connection, publication: &Publication) -> Result<bool, StoreError> {
    let stored: Option<[u8; 32]> = connection
        .prepare_cached("SELECT digest FROM publication WHERE cycle = ?1")?
        .query_row([int(publication.cycle.0)], |row| row.get(0))
        .optional()?;
    match stored {
        None => Ok(false),
        Some(digest) if digest == publication.digest.0 => Ok(true),
        Some(_) => Err(StoreError::Conflict(format!("cycle {} is published with another manifest", publication.cycle))),
    }
}

fn insert_scores(connection: &Connection, cycle: i64, scores: &[ScoreRow]) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO score (cycle, uid, hotkey, environment, success_rate, rate_low, rate_high, mean_reward, counted, \
         failed, left_out) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    for score in scores {
        insert.execute(params![
            cycle,
            score.uid.0,
            score.hotkey.0,
            score.environment.as_str(),
            score.success_rate,
            score.rate_low,
            score.rate_high,
            score.mean_reward,
            score.counted,
            score.failed,
            score.left_out,
        ])?;
    }
    Ok(())
}

fn insert_weights(connection: &Connection, cycle: i64, weights: &[WeightRow]) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO weight (cycle, uid, hotkey, points, weight, weight_u16) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for row in weights {
        insert.execute(params![cycle, row.uid.0, row.hotkey.0, row.points, row.weight, row.weight_u16])?;
    }
    Ok(())
}
