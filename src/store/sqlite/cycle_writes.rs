//! Opening, sealing and ending cycles.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{int, now, one, slug, to_json};
use crate::domain::{CycleId, Digest, Hotkey, JobKind, TaskId};
use crate::store::{Created, NewCycle, Probe, StoreError, Submission};

/// Opens a cycle with everything that belongs to it.
pub(super) fn create(connection: &Connection, cycle: &NewCycle) -> Result<Created, StoreError> {
    let contest = cycle.contest.digest();
    if already_there(connection, cycle, &contest)? {
        return Ok(Created::AlreadyThere);
    }
    check_participants(cycle)?;
    connection
        .prepare_cached("INSERT OR IGNORE INTO contest (digest, settings) VALUES (?1, ?2)")?
        .execute(params![contest.0, to_json(&cycle.contest)])?;
    let admitted = cycle.submissions.iter().filter(|submission| submission.admitted).count();
    connection
        .prepare_cached(
            "INSERT INTO cycle (id, anchor_number, anchor_hash, contest, fingerprint, fingerprint_digest, status, \
             n_miners, n_environments, started_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending', ?7, ?8, ?9)",
        )?
        .execute(params![
            int(cycle.id.0),
            int(cycle.anchor.number.0),
            cycle.anchor.hash.0,
            contest.0,
            to_json(&cycle.fingerprint),
            cycle.fingerprint.digest().0,
            int(admitted as u64),
            int(cycle.contest.environments.len() as u64),
            now(),
        ])?;
    connection
        .prepare_cached("INSERT INTO cycle_secret (cycle, beacon) VALUES (?1, ?2)")?
        .execute(params![int(cycle.id.0), cycle.secret.0])?;
    let submissions = insert_participants(connection, cycle)?;
    insert_tasks(connection, cycle, &submissions)?;
    Ok(Created::New)
}

fn already_there(connection: &Connection, cycle: &NewCycle, contest: &Digest) -> Result<bool, StoreError> {
    let stored: Option<([u8; 32], [u8; 32])> = connection
        .prepare_cached("SELECT anchor_hash, contest FROM cycle WHERE id = ?1")?
        .query_row([int(cycle.id.0)], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match stored {
        Some((hash, digest)) if hash == cycle.anchor.hash.0 && digest == contest.0 => Ok(true),
        Some(_) => Err(StoreError::Conflict(format!(
            "cycle {} exists with another anchor or contest; take the next number",
            cycle.id
        ))),
        None => {
            let open: Option<i64> = connection
                .query_row("SELECT id FROM cycle WHERE status IN ('pending', 'running')", [], |row| row.get(0))
                .optional()?;
            match open {
                Some(id) => Err(StoreError::Conflict(format!("cycle {id} is still open; finish it first"))),
                None => Ok(false),
            }
        }
    }
}

fn check_participants(cycle: &NewCycle) -> Result<(), StoreError> {
    for submission in cycle.submissions.iter().filter(|submission| submission.admitted) {
        if submission.claim.is_none() || submission.endpoint.is_none() {
            return Err(StoreError::Conflict(format!("{} is admitted without claim or endpoint", submission.hotkey)));
        }
    }
    if let Some(submission) = cycle.submissions.iter().find(|one| one.holds && one.weights.is_none()) {
        return Err(StoreError::Conflict(format!("{} holds weights that it does not have", submission.hotkey)));
    }
    match &cycle.probe {
        Some(probe) if cycle.submissions.iter().any(|submission| submission.hotkey == probe.hotkey) => {
            Err(StoreError::Conflict(format!("the probe's hotkey {} is also a submission's", probe.hotkey)))
        }
        _ => Ok(()),
    }
}

fn insert_participants(connection: &Connection, cycle: &NewCycle) -> Result<BTreeMap<Hotkey, i64>, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO submission (cycle, hotkey, uid, claim_block, repo, revision, deployment, endpoint, admitted, \
         reasons, probe, since_block, weights, holds) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?;
    let probe = cycle.probe.iter().map(|probe| (as_submission(probe), true));
    let mut ids = BTreeMap::new();
    for (submission, is_probe) in cycle.submissions.iter().cloned().map(|one| (one, false)).chain(probe) {
        let claim = submission.claim.as_ref();
        insert.execute(params![
            int(cycle.id.0),
            submission.hotkey.0,
            submission.uid.0,
            claim.map(|claim| int(claim.block.0)),
            claim.map(|claim| &claim.repo),
            claim.map(|claim| &claim.revision),
            claim.map(|claim| &claim.deployment),
            submission.endpoint,
            submission.admitted,
            to_json(&submission.reasons),
            is_probe,
            int(submission.since.0),
            submission.weights.map(|weights| weights.0.0),
            submission.holds,
        ])?;
        if submission.admitted {
            ids.insert(submission.hotkey, connection.last_insert_rowid());
        }
    }
    Ok(ids)
}

fn as_submission(probe: &Probe) -> Submission {
    Submission {
        hotkey: probe.hotkey,
        uid: crate::domain::Uid(0),
        claim: None,
        endpoint: Some(probe.endpoint.clone()),
        admitted: true,
        reasons: Vec::new(),
        since: crate::domain::BlockNumber(0),
        weights: None,
        holds: false,
    }
}

fn insert_tasks(
    connection: &Connection,
    cycle: &NewCycle,
    submissions: &BTreeMap<Hotkey, i64>,
) -> Result<(), StoreError> {
    let created_at = now();
    let kind = slug(&JobKind::Rollout);
    let mut insert = connection.prepare_cached(
        "INSERT INTO task (id, cycle, submission, kind, environment, episode, seed, state, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'pending', ?8)",
    )?;
    for task in &cycle.tasks {
        let Some(submission) = submissions.get(&task.hotkey) else {
            return Err(StoreError::Conflict(format!("{} is neither admitted nor the probe", task.hotkey)));
        };
        let id = TaskId::of(cycle.id, JobKind::Rollout, &task.hotkey, &task.environment, task.index);
        insert.execute(params![
            id.0,
            int(cycle.id.0),
            submission,
            kind,
            task.environment.as_str(),
            task.index,
            task.seed.0,
            created_at,
        ])?;
    }
    Ok(())
}

/// Stops taking results once every task is final.
pub(super) fn seal(connection: &Connection, id: CycleId) -> Result<bool, StoreError> {
    let unfinished: i64 =
        one(connection, "SELECT count(*) FROM task WHERE cycle = ?1 AND state IN ('pending', 'leased')", [int(id.0)])?;
    if unfinished > 0 {
        return Ok(false);
    }
    let changed = connection
        .prepare_cached("UPDATE cycle SET sealed = 1 WHERE id = ?1 AND status IN ('pending', 'running')")?
        .execute([int(id.0)])?;
    if changed == 0 {
        return Err(StoreError::Conflict(format!("cycle {id} is not open")));
    }
    Ok(true)
}

/// Leaves out what is not finished; the attempts on it are over.
pub(super) fn leave_out_unfinished(connection: &Connection, id: CycleId) -> Result<u64, StoreError> {
    end_attempts(connection, id)?;
    let changed = connection
        .prepare_cached(
            "UPDATE task SET state = 'left_out', executor = NULL, lease_boot = NULL, lease_end_ms = NULL, \
             outcome = 'faulted', finished_at = ?2 WHERE cycle = ?1 AND state IN ('pending', 'leased')",
        )?
        .execute(params![int(id.0), now()])?;
    Ok(changed as u64)
}

fn end_attempts(connection: &Connection, id: CycleId) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE attempt SET state = 'expired', ended_at = ?2 WHERE state = 'leased' AND task IN \
             (SELECT position FROM task WHERE cycle = ?1 AND state = 'leased')",
        )?
        .execute(params![int(id.0), now()])?;
    Ok(())
}

/// Gives an open cycle up, with its unfinished tasks.
pub(super) fn fail(connection: &Connection, id: CycleId, reason: &str) -> Result<(), StoreError> {
    let status: Option<String> = connection
        .prepare_cached("SELECT status FROM cycle WHERE id = ?1")?
        .query_row([int(id.0)], |row| row.get(0))
        .optional()?;
    match status.as_deref() {
        None => return Err(StoreError::NotFound(format!("there is no cycle {id}"))),
        Some("failed") => return Ok(()),
        Some("completed") => return Err(StoreError::Conflict(format!("cycle {id} is published"))),
        Some(_) => {}
    }
    leave_out_unfinished(connection, id)?;
    connection
        .prepare_cached("UPDATE cycle SET status = 'failed', completed_at = ?2, failure = ?3 WHERE id = ?1")?
        .execute(params![int(id.0), now(), reason])?;
    Ok(())
}
