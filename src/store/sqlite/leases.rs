//! Who works on which task, and for how long.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::convert::{digest, from_json, from_slug, hotkey, int, now, number, one, small, text, uid};
use super::cycle_reads::claim;
use super::settings::{RetryLimits, SqliteSettings};
use crate::domain::{
    Attempt, BlockHash, BlockNumber, BlockRef, Claim, Contest, CycleId, Digest, EpisodeSeed, ExecutorId, Miner, TaskId,
};
use crate::store::{Heartbeat, LeaseRequest, Leased, LeasedTask, StoreError, TaskFacts};

/// A task with its cycle and participant.
const TASK_COLUMNS: &str = "position, task.id AS task_id, task.cycle AS cycle_id, anchor_number, anchor_hash, contest, \
     fingerprint_digest, kind, environment, episode, seed, state, attempts, created_at, hotkey, uid, claim_block, repo, \
     revision, deployment, endpoint, probe";
/// Where [`TASK_COLUMNS`] come from.
const TASK_TABLES: &str = "task JOIN cycle ON cycle.id = task.cycle JOIN submission ON submission.id = task.submission";

/// Leases the first waiting tasks that this executor may run.
pub(super) fn lease(
    connection: &Connection,
    settings: &SqliteSettings,
    request: &LeaseRequest,
) -> Result<Leased, StoreError> {
    expire(connection, settings)?;
    let Some((cycle, fingerprint)) = open_cycle(connection)? else { return Ok(Leased::default()) };
    let mut leased = Leased::default();
    if request.fingerprint.is_none_or(|own| own == fingerprint) {
        let waiting = waiting(connection, cycle, request)?;
        let end_ms = settings.clock.now_ms().saturating_add(request.lease_ms);
        for (position, mut task) in waiting {
            task.attempt = Attempt(task.attempt.0 + 1);
            hold(connection, settings, request, position, task.attempt, end_ms)?;
            leased.tasks.push(task);
        }
    }
    if !leased.tasks.is_empty() {
        connection
            .prepare_cached("UPDATE cycle SET status = 'running' WHERE id = ?1 AND status = 'pending'")?
            .execute([int(cycle.0)])?;
        leased.contests = contests(connection, &leased.tasks)?;
    }
    let pending: i64 =
        one(connection, "SELECT count(*) FROM task WHERE cycle = ?1 AND state = 'pending'", [int(cycle.0)])?;
    leased.total_pending = pending as u64;
    Ok(leased)
}

fn open_cycle(connection: &Connection) -> Result<Option<(CycleId, Digest)>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT id, fingerprint_digest FROM cycle WHERE status IN ('pending', 'running') AND sealed = 0",
    )?;
    query
        .query_and_then([], |row| Ok((CycleId(number(row, "id")?), digest(row, "fingerprint_digest")?)))?
        .next()
        .transpose()
}

fn waiting(
    connection: &Connection,
    cycle: CycleId,
    request: &LeaseRequest,
) -> Result<Vec<(i64, LeasedTask)>, StoreError> {
    let filter = match &request.environments {
        Some(_) => "AND environment IN (SELECT value FROM json_each(?3))",
        None => "AND ?3 IS NULL",
    };
    let environments = request.environments.as_ref().map(super::convert::to_json);
    let mut query = connection.prepare_cached(&format!(
        "SELECT {TASK_COLUMNS} FROM {TASK_TABLES} WHERE task.cycle = ?1 AND state = 'pending' {filter} \
         ORDER BY position LIMIT ?2"
    ))?;
    query
        .query_and_then(params![int(cycle.0), request.limit, environments], |row| {
            Ok((row.get("position")?, leased_task(row, request.lease_ms)?))
        })?
        .collect()
}

fn leased_task(row: &Row<'_>, lease_ms: u64) -> Result<LeasedTask, StoreError> {
    Ok(LeasedTask {
        id: TaskId(row.get("task_id")?),
        cycle: CycleId(number(row, "cycle_id")?),
        anchor: anchor(row)?,
        kind: from_slug(row, "kind")?,
        miner: miner(row)?,
        endpoint: row.get("endpoint")?,
        environment: text(row, "environment")?,
        index: small(row, "episode")?,
        seed: EpisodeSeed(row.get("seed")?),
        attempt: Attempt(small(row, "attempts")?),
        lease_ms,
        contest: digest(row, "contest")?,
        fingerprint: digest(row, "fingerprint_digest")?,
        probe: row.get("probe")?,
        created_at: text(row, "created_at")?,
    })
}

fn anchor(row: &Row<'_>) -> Result<BlockRef, StoreError> {
    Ok(BlockRef { number: BlockNumber(number(row, "anchor_number")?), hash: BlockHash(row.get("anchor_hash")?) })
}

fn miner(row: &Row<'_>) -> Result<Miner, StoreError> {
    let nothing =
        || Claim { block: BlockNumber(0), repo: String::new(), revision: String::new(), deployment: String::new() };
    Ok(Miner { hotkey: hotkey(row)?, uid: uid(row)?, claim: claim(row)?.unwrap_or_else(nothing) })
}

fn hold(
    connection: &Connection,
    settings: &SqliteSettings,
    request: &LeaseRequest,
    position: i64,
    attempt: Attempt,
    end_ms: u64,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE task SET state = 'leased', attempts = ?2, executor = ?3, lease_boot = ?4, lease_end_ms = ?5 \
             WHERE position = ?1",
        )?
        .execute(params![position, attempt.0, request.executor.as_str(), settings.clock.boot_id(), int(end_ms)])?;
    connection
        .prepare_cached(
            "INSERT INTO attempt (task, attempt, executor, state, leased_at) VALUES (?1, ?2, ?3, 'leased', ?4)",
        )?
        .execute(params![position, attempt.0, request.executor.as_str(), now()])?;
    Ok(())
}

fn contests(connection: &Connection, tasks: &[LeasedTask]) -> Result<BTreeMap<Digest, Contest>, StoreError> {
    let mut contests = BTreeMap::new();
    for task in tasks {
        if let Entry::Vacant(vacant) = contests.entry(task.contest) {
            let settings: String = one(connection, "SELECT settings FROM contest WHERE digest = ?1", [task.contest.0])?;
            vacant.insert(from_json("contest", &settings)?);
        }
    }
    Ok(contests)
}

/// Renews the leases that this executor still holds.
pub(super) fn heartbeat(
    connection: &Connection,
    settings: &SqliteSettings,
    executor: &ExecutorId,
    tasks: &[TaskId],
    lease_ms: u64,
) -> Result<Heartbeat, StoreError> {
    let now_ms = settings.clock.now_ms();
    let mut renew = connection.prepare_cached(
        "UPDATE task SET lease_end_ms = ?4 WHERE id = ?1 AND state = 'leased' AND executor = ?2 AND lease_boot = ?3 \
         AND lease_end_ms > ?5",
    )?;
    let mut answer = Heartbeat::default();
    for task in tasks {
        let end_ms = int(now_ms.saturating_add(lease_ms));
        let changed =
            renew.execute(params![task.0, executor.as_str(), settings.clock.boot_id(), end_ms, int(now_ms)])?;
        if changed == 1 { &mut answer.renewed } else { &mut answer.lost }.push(*task);
    }
    Ok(answer)
}

/// Gives leases back without a result.
pub(super) fn release(connection: &Connection, executor: &ExecutorId, tasks: &[TaskId]) -> Result<u64, StoreError> {
    let mut held =
        connection.prepare_cached("SELECT position FROM task WHERE id = ?1 AND state = 'leased' AND executor = ?2")?;
    let mut count = 0;
    for task in tasks {
        let position: Option<i64> = held.query_row(params![task.0, executor.as_str()], |row| row.get(0)).optional()?;
        if let Some(position) = position {
            end_lease(connection, position, Ended::Released)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Takes back everything an executor holds that is known to be dead.
pub(super) fn release_dead(
    connection: &Connection,
    settings: &SqliteSettings,
    executor: &ExecutorId,
) -> Result<u64, StoreError> {
    let mut query = connection.prepare_cached("SELECT position FROM task WHERE state = 'leased' AND executor = ?1")?;
    let positions = query.query_map([executor.as_str()], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    for &position in &positions {
        end_lease(connection, position, Ended::Lost(settings.retries))?;
    }
    Ok(positions.len() as u64)
}

/// Takes back every lease whose time is over, or that belongs to another boot of the machine.
pub(super) fn expire(connection: &Connection, settings: &SqliteSettings) -> Result<u64, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT position FROM task WHERE state = 'leased' AND (lease_boot <> ?1 OR lease_end_ms <= ?2)",
    )?;
    let positions = query
        .query_map(params![settings.clock.boot_id(), int(settings.clock.now_ms())], |row| row.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    for &position in &positions {
        end_lease(connection, position, Ended::Lost(settings.retries))?;
    }
    Ok(positions.len() as u64)
}

/// How a lease ended without a result that counts.
#[derive(Clone, Copy)]
pub(super) enum Ended {
    /// Given back on purpose.
    Released,
    /// Its time ran out or its executor died.
    Lost(RetryLimits),
    /// It was answered with a fault of the platform's or the chain's; the attempt's row says so already.
    Faulted(RetryLimits),
}

/// Ends the lease of a leased task: back to waiting, or left out when it has failed too often.
pub(super) fn end_lease(connection: &Connection, position: i64, ended: Ended) -> Result<(), StoreError> {
    let (failed, lost, limits) = match ended {
        Ended::Released => (0, 0, RetryLimits::default()),
        Ended::Lost(limits) => (0, 1, limits),
        Ended::Faulted(limits) => (1, 0, limits),
    };
    let attempt_state = match ended {
        Ended::Released => Some("released"),
        Ended::Lost(_) => Some("expired"),
        Ended::Faulted(_) => None,
    };
    if let Some(state) = attempt_state {
        connection
            .prepare_cached("UPDATE attempt SET state = ?2, ended_at = ?3 WHERE task = ?1 AND state = 'leased'")?
            .execute(params![position, state, now()])?;
    }
    connection
        .prepare_cached(
            "UPDATE task SET state = 'pending', executor = NULL, lease_boot = NULL, lease_end_ms = NULL, \
             failures = failures + ?2, losses = losses + ?3 WHERE position = ?1",
        )?
        .execute(params![position, failed, lost])?;
    connection
        .prepare_cached(
            "UPDATE task SET state = 'left_out', outcome = 'faulted', finished_at = ?4 \
             WHERE position = ?1 AND (failures >= ?2 OR losses >= ?3)",
        )?
        .execute(params![position, limits.max_failures, limits.max_losses, now()])?;
    Ok(())
}

/// What is known about tasks.
pub(super) fn facts(connection: &Connection, tasks: &[TaskId]) -> Result<Vec<TaskFacts>, StoreError> {
    let mut query =
        connection.prepare_cached(&format!("SELECT {TASK_COLUMNS} FROM {TASK_TABLES} WHERE task.id = ?1"))?;
    let mut found = Vec::with_capacity(tasks.len());
    for task in tasks {
        found.extend(query.query_and_then([task.0], facts_of)?.next().transpose()?);
    }
    Ok(found)
}

fn facts_of(row: &Row<'_>) -> Result<TaskFacts, StoreError> {
    Ok(TaskFacts {
        id: TaskId(row.get("task_id")?),
        cycle: CycleId(number(row, "cycle_id")?),
        anchor: anchor(row)?,
        miner: miner(row)?,
        environment: text(row, "environment")?,
        index: small(row, "episode")?,
        seed: EpisodeSeed(row.get("seed")?),
        contest: digest(row, "contest")?,
        fingerprint: digest(row, "fingerprint_digest")?,
        status: from_slug(row, "state")?,
        probe: row.get("probe")?,
    })
}
