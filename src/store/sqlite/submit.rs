//! Taking results, each (task, attempt) at most once.

use rusqlite::{Connection, OptionalExtension, params};

use super::convert::{int, now, slug};
use super::leases::{Ended, end_lease};
use super::settings::SqliteSettings;
use crate::domain::{Outcome, Party};
use crate::store::{EpisodeResult, Rejection, StoreError, SubmitAnswer};

/// What the store knows about one (task, attempt).
struct Known {
    position: i64,
    task_state: String,
    attempts: u32,
    cycle_takes_results: bool,
    executor: String,
    attempt_state: String,
    transcript: Option<[u8; 32]>,
    fault: Option<String>,
}

/// Takes or rejects one result.
pub(super) fn submit(
    connection: &Connection,
    settings: &SqliteSettings,
    result: &EpisodeResult,
) -> Result<SubmitAnswer, StoreError> {
    let known = match look_up(connection, result)? {
        Ok(known) => known,
        Err(rejection) => return Ok(SubmitAnswer::Rejected(rejection)),
    };
    if known.executor != result.executor.as_str() {
        return Ok(SubmitAnswer::Rejected(Rejection::ForeignAttempt));
    }
    if matches!(known.attempt_state.as_str(), "finished" | "faulted") {
        return Ok(answer_again(&known, result));
    }
    if let Some(rejection) = why_not(connection, &known, result)? {
        return Ok(SubmitAnswer::Rejected(rejection));
    }
    if counts(result) {
        finish(connection, &known, result)?;
    } else {
        set_attempt(connection, &known, result, "faulted")?;
        let holds_the_lease = known.task_state == "leased" && known.attempts == result.attempt.0;
        if holds_the_lease {
            end_lease(connection, known.position, Ended::Faulted(settings.retries))?;
        }
    }
    Ok(SubmitAnswer::Accepted)
}

/// Whether a result is final: success, failure, or the miner's own fault.
fn counts(result: &EpisodeResult) -> bool {
    result.fault.is_none_or(|fault| fault.party() == Party::Miner)
}

fn look_up(connection: &Connection, result: &EpisodeResult) -> Result<Result<Known, Rejection>, StoreError> {
    let known = connection
        .prepare_cached(
            "SELECT position, task.state, attempts, cycle.status IN ('pending', 'running') AND cycle.sealed = 0, \
             attempt.executor, attempt.state, attempt.transcript, attempt.fault FROM task \
             JOIN cycle ON cycle.id = task.cycle \
             LEFT JOIN attempt ON attempt.task = position AND attempt.attempt = ?2 WHERE task.id = ?1",
        )?
        .query_row(params![result.task.0, result.attempt.0], |row| {
            let Some(executor) = row.get::<_, Option<String>>(4)? else { return Ok(Err(Rejection::UnknownAttempt)) };
            Ok(Ok(Known {
                position: row.get(0)?,
                task_state: row.get(1)?,
                attempts: row.get(2)?,
                cycle_takes_results: row.get(3)?,
                executor,
                attempt_state: row.get(5)?,
                transcript: row.get(6)?,
                fault: row.get(7)?,
            }))
        })
        .optional()?;
    Ok(known.unwrap_or(Err(Rejection::UnknownTask)))
}

/// The attempt has a result: the same one is answered as before, another one is refused.
fn answer_again(known: &Known, result: &EpisodeResult) -> SubmitAnswer {
    let same = known.transcript == result.transcript.map(|digest| digest.0) && known.fault == fault_slug(result);
    if same { SubmitAnswer::AlreadyAccepted } else { SubmitAnswer::Rejected(Rejection::DifferentResult) }
}

fn why_not(connection: &Connection, known: &Known, result: &EpisodeResult) -> Result<Option<Rejection>, StoreError> {
    if (result.outcome == Outcome::Faulted) != result.fault.is_some() {
        return Ok(Some(Rejection::Malformed));
    }
    if matches!(known.task_state.as_str(), "completed" | "failed") {
        return Ok(Some(Rejection::AnotherAttemptFinished));
    }
    if !known.cycle_takes_results {
        return Ok(Some(Rejection::CycleClosed));
    }
    if !counts(result) {
        return Ok(None);
    }
    let Some(transcript) = result.transcript else { return Ok(Some(Rejection::NoTranscript)) };
    let of_another = connection
        .prepare_cached("SELECT 1 FROM task WHERE transcript = ?1 AND position <> ?2")?
        .exists(params![transcript.0, known.position])?;
    Ok(of_another.then_some(Rejection::ForeignTranscript))
}

fn finish(connection: &Connection, known: &Known, result: &EpisodeResult) -> Result<(), StoreError> {
    // Another executor may hold the lease if this result is late: its attempt is over.
    connection
        .prepare_cached(
            "UPDATE attempt SET state = 'expired', ended_at = ?3 WHERE task = ?1 AND attempt <> ?2 AND state = 'leased'",
        )?
        .execute(params![known.position, result.attempt.0, now()])?;
    set_attempt(connection, known, result, "finished")?;
    connection
        .prepare_cached(
            "UPDATE task SET state = ?2, executor = NULL, lease_boot = NULL, lease_end_ms = NULL, finished_at = ?3, \
             outcome = ?4, fault = ?5, transcript = ?6, replay_root = ?7, steps = ?8, success_step = ?9, \
             total_reward = ?10, note = ?11 WHERE position = ?1",
        )?
        .execute(params![
            known.position,
            if result.fault.is_some() { "failed" } else { "completed" },
            now(),
            slug(&result.outcome),
            fault_slug(result),
            result.transcript.map(|digest| digest.0),
            result.replay_root.map(|digest| digest.0),
            int(result.steps.into()),
            result.success_step,
            // SQLite has no NaN; a sum that is no number is no value.
            Some(result.total_reward).filter(|reward| reward.is_finite()),
            result.note,
        ])?;
    Ok(())
}

fn set_attempt(connection: &Connection, known: &Known, result: &EpisodeResult, state: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE attempt SET state = ?3, ended_at = ?4, transcript = ?5, fault = ?6 WHERE task = ?1 AND attempt = ?2",
        )?
        .execute(params![
            known.position,
            result.attempt.0,
            state,
            now(),
            result.transcript.map(|digest| digest.0),
            fault_slug(result),
        ])?;
    Ok(())
}

fn fault_slug(result: &EpisodeResult) -> Option<String> {
    result.fault.map(|fault| fault.reason.slug().to_owned())
}
