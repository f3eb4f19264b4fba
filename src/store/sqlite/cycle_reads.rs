//! Reading cycles.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::convert::{digest, from_json, from_slug, hotkey, int, number, one, small, text, text_or_null, uid};
use crate::admission::ClaimHistory;
use crate::domain::{BlockHash, BlockNumber, BlockRef, Claim, Contest, CycleId, Digest, WeightsDigest};
use crate::store::{
    Cycle, CycleSecret, OpenCycle, Page, Paged, Probe, Progress, StoreError, Submission, TaskStats, Totals,
};

/// What [`from_row`] needs.
pub(super) const CYCLE_COLUMNS: &str =
    "cycle.id AS cycle_id, anchor_number, status, n_miners, n_environments, started_at, completed_at, failure";

/// A cycle out of a row with [`CYCLE_COLUMNS`].
pub(super) fn from_row(row: &Row<'_>) -> Result<Cycle, StoreError> {
    Ok(Cycle {
        id: CycleId(number(row, "cycle_id")?),
        block_number: BlockNumber(number(row, "anchor_number")?),
        started_at: text(row, "started_at")?,
        completed_at: text_or_null(row, "completed_at")?,
        status: from_slug(row, "status")?,
        n_miners: small(row, "n_miners")?,
        n_environments: small(row, "n_environments")?,
        failure: row.get("failure")?,
    })
}

fn first(connection: &Connection, rest: &str, params: impl rusqlite::Params) -> Result<Option<Cycle>, StoreError> {
    let mut query = connection.prepare_cached(&format!("SELECT {CYCLE_COLUMNS} FROM cycle {rest}"))?;
    query.query_and_then(params, from_row)?.next().transpose()
}

/// One cycle.
pub(super) fn by_id(connection: &Connection, id: CycleId) -> Result<Option<Cycle>, StoreError> {
    first(connection, "WHERE id = ?1", [int(id.0)])
}

/// The newest completed cycle.
pub(super) fn last_completed(connection: &Connection) -> Result<Option<Cycle>, StoreError> {
    first(connection, "WHERE status = 'completed' ORDER BY id DESC LIMIT 1", [])
}

/// Cycles, newest first; the position of a page is the id it ended at.
pub(super) fn list(connection: &Connection, page: Page) -> Result<Paged<Cycle>, StoreError> {
    let before = page.after.map_or(i64::MAX, int);
    let mut query = connection
        .prepare_cached(&format!("SELECT {CYCLE_COLUMNS} FROM cycle WHERE id < ?1 ORDER BY id DESC LIMIT ?2"))?;
    let rows = query
        .query_and_then(params![before, i64::from(page.limit) + 1], from_row)?
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(Paged::cut(rows, page.limit, |cycle| cycle.id.0))
}

/// The number after the largest.
pub(super) fn next_id(connection: &Connection) -> Result<CycleId, StoreError> {
    let largest: i64 = one(connection, "SELECT coalesce(max(id), 0) FROM cycle", [])?;
    Ok(CycleId(largest as u64 + 1))
}

/// The open cycle with all that the scheduler needs.
pub(super) fn open(connection: &Connection) -> Result<Option<OpenCycle>, StoreError> {
    let Some(cycle) = first(connection, "WHERE status IN ('pending', 'running')", [])? else { return Ok(None) };
    let mut query = connection.prepare_cached(
        "SELECT anchor_hash, settings, fingerprint, sealed, beacon FROM cycle JOIN contest ON contest.digest = contest \
         JOIN cycle_secret ON cycle_secret.cycle = cycle.id WHERE cycle.id = ?1",
    )?;
    let mut rows = query.query([int(cycle.id.0)])?;
    let row =
        rows.next()?.ok_or_else(|| StoreError::Corrupt(format!("cycle {} has no contest or secret", cycle.id)))?;
    Ok(Some(OpenCycle {
        anchor: BlockRef { number: cycle.block_number, hash: BlockHash(row.get("anchor_hash")?) },
        contest: from_json("contest", &row.get::<_, String>("settings")?)?,
        fingerprint: from_json("fingerprint", &row.get::<_, String>("fingerprint")?)?,
        secret: CycleSecret(row.get("beacon")?),
        sealed: row.get("sealed")?,
        submissions: submissions(connection, cycle.id)?,
        probe: probe(connection, cycle.id)?,
        cycle,
    }))
}

/// The commitments of a cycle by uid.
pub(super) fn submissions(connection: &Connection, id: CycleId) -> Result<Vec<Submission>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT * FROM submission WHERE cycle = ?1 AND probe = 0 ORDER BY uid, hotkey")?;
    query
        .query_and_then([int(id.0)], |row| {
            Ok(Submission {
                hotkey: hotkey(row)?,
                uid: uid(row)?,
                claim: claim(row)?,
                endpoint: row.get("endpoint")?,
                admitted: row.get("admitted")?,
                reasons: from_json("reasons", &row.get::<_, String>("reasons")?)?,
                since: BlockNumber(row.get::<_, Option<i64>>("since_block")?.map_or(0, |block| block as u64)),
                weights: row.get::<_, Option<[u8; 32]>>("weights")?.map(|bytes| WeightsDigest(Digest(bytes))),
                holds: row.get("holds")?,
            })
        })?
        .collect()
}

/// Of each hotkey, revision and weights that it held in any cycle the oldest date.
pub(super) fn claim_history(connection: &Connection) -> Result<ClaimHistory, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT hotkey, repo, revision, deployment, claim_block, weights, min(since_block) AS since FROM submission \
             WHERE holds = 1 AND claim_block IS NOT NULL GROUP BY hotkey, repo, revision, weights ORDER BY max(cycle)",
    )?;
    let mut history = ClaimHistory::default();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let Some(claim) = claim(row)? else { continue };
        let weights = WeightsDigest(Digest(row.get("weights")?));
        history.add(hotkey(row)?, &claim, weights, BlockNumber(number(row, "since")?));
    }
    Ok(history)
}

/// The claim of a submission's row.
pub(super) fn claim(row: &Row<'_>) -> Result<Option<Claim>, StoreError> {
    if row.get::<_, Option<i64>>("claim_block")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Claim {
        block: BlockNumber(number(row, "claim_block")?),
        repo: row.get("repo")?,
        revision: row.get("revision")?,
        deployment: row.get("deployment")?,
    }))
}

fn probe(connection: &Connection, id: CycleId) -> Result<Option<Probe>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT hotkey, endpoint FROM submission WHERE cycle = ?1 AND probe = 1")?;
    query
        .query_and_then([int(id.0)], |row| Ok(Probe { hotkey: hotkey(row)?, endpoint: row.get("endpoint")? }))?
        .next()
        .transpose()
}

/// Counts of a cycle's tasks.
pub(super) fn progress(connection: &Connection, id: CycleId) -> Result<Progress, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT state, count(*) AS n FROM task WHERE cycle = ?1 GROUP BY state")?;
    let mut progress = Progress::default();
    let mut rows = query.query([int(id.0)])?;
    while let Some(row) = rows.next()? {
        let count = number(row, "n")?;
        match row.get::<_, String>("state")?.as_str() {
            "pending" => progress.pending = count,
            "leased" => progress.leased = count,
            "completed" => progress.completed = count,
            "failed" => progress.failed = count,
            _ => progress.left_out = count,
        }
    }
    Ok(progress)
}

/// Counts of the newest or a given cycle, and who works now.
pub(super) fn stats(connection: &Connection, id: Option<CycleId>) -> Result<TaskStats, StoreError> {
    let newest: Option<i64> = one(connection, "SELECT max(id) FROM cycle", [])?;
    let Some(cycle) = id.or(newest.map(|id| CycleId(id as u64))) else { return Ok(TaskStats::default()) };
    let mut query = connection
        .prepare_cached("SELECT DISTINCT executor FROM task WHERE state = 'leased' AND cycle = ?1 ORDER BY executor")?;
    let active_executors =
        query.query_and_then([int(cycle.0)], |row| text(row, "executor"))?.collect::<Result<_, _>>()?;
    Ok(TaskStats { cycle: Some(cycle), progress: progress(connection, cycle)?, active_executors })
}

/// Totals for the status page.
pub(super) fn totals(connection: &Connection) -> Result<Totals, StoreError> {
    Ok(Totals {
        cycles: one::<i64>(connection, "SELECT count(*) FROM cycle", [])? as u64,
        miners_evaluated: one::<i64>(connection, "SELECT count(DISTINCT hotkey) FROM score", [])? as u64,
    })
}

/// The newest published manifest.
pub(super) fn newest_manifest(connection: &Connection) -> Result<Option<(CycleId, Digest)>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT cycle AS cycle_id, digest FROM publication ORDER BY cycle DESC LIMIT 1")?;
    query.query_and_then([], |row| Ok((CycleId(number(row, "cycle_id")?), digest(row, "digest")?)))?.next().transpose()
}

/// The manifest of a cycle.
pub(super) fn manifest(connection: &Connection, id: CycleId) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT manifest FROM publication WHERE cycle = ?1")?
        .query_row([int(id.0)], |row| row.get(0))
        .optional()?)
}

/// The settings with a digest.
pub(super) fn contest(connection: &Connection, digest: &Digest) -> Result<Option<Contest>, StoreError> {
    let settings: Option<String> = connection
        .prepare_cached("SELECT settings FROM contest WHERE digest = ?1")?
        .query_row([digest.0], |row| row.get(0))
        .optional()?;
    settings.map(|json| from_json("contest", &json)).transpose()
}
