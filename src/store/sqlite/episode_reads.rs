//! Final episodes as rows.

use rusqlite::{Connection, Row, params};

use super::convert::{digest_or_null, from_slug, from_slug_or_null, hotkey, int, number, slug, text, uid};
use crate::domain::{CycleId, Digest, Fault, FaultReason, TaskId};
use crate::store::{EpisodeFilter, EpisodeRow, EpisodeState, Page, Paged, StoreError};

/// A final task with its participant and the status of its cycle.
const SELECT: &str = "SELECT position, task.id AS task_id, task.cycle AS cycle_id, environment, episode, uid, hotkey, state, \
     transcript, replay_root, outcome, fault, steps, success_step, total_reward, probe, \
     cycle.status = 'completed' AS published FROM task \
     JOIN cycle ON cycle.id = task.cycle JOIN submission ON submission.id = task.submission";

/// Final states.
const FINAL: &str = "state IN ('completed', 'failed', 'left_out')";

fn from_row(row: &Row<'_>) -> Result<EpisodeRow, StoreError> {
    let fault: Option<FaultReason> = from_slug_or_null(row, "fault")?;
    let left_out = row.get::<_, String>("state")? == "left_out";
    Ok(EpisodeRow {
        task: TaskId(row.get("task_id")?),
        cycle: CycleId(number(row, "cycle_id")?),
        environment: text(row, "environment")?,
        index: row.get("episode")?,
        uid: uid(row)?,
        hotkey: hotkey(row)?,
        state: if left_out { EpisodeState::LeftOut } else { EpisodeState::Counted },
        transcript: digest_or_null(row, "transcript")?,
        replay_root: digest_or_null(row, "replay_root")?,
        outcome: from_slug(row, "outcome")?,
        fault: fault.map(Fault::new),
        steps: row.get::<_, Option<u32>>("steps")?.unwrap_or(0),
        success_step: row.get("success_step")?,
        total_reward: row.get::<_, Option<f64>>("total_reward")?.unwrap_or(if left_out { 0.0 } else { f64::NAN }),
        probe: row.get("probe")?,
        published: row.get("published")?,
    })
}

/// Every final episode of a cycle by environment, index, uid.
pub(super) fn of_cycle(connection: &Connection, id: CycleId) -> Result<Vec<EpisodeRow>, StoreError> {
    let mut query = connection.prepare_cached(&format!(
        "{SELECT} WHERE task.cycle = ?1 AND {FINAL} ORDER BY environment, episode, probe, uid, hotkey"
    ))?;
    query.query_and_then([int(id.0)], from_row)?.collect()
}

/// Final episodes in the order of their creation.
pub(super) fn list(
    connection: &Connection,
    filter: &EpisodeFilter,
    page: Page,
) -> Result<Paged<EpisodeRow>, StoreError> {
    let mut query = connection.prepare_cached(&format!(
        "{SELECT} WHERE position > ?1 AND {FINAL} AND (?2 IS NULL OR task.cycle = ?2) \
         AND (?3 IS NULL OR (uid = ?3 AND probe = 0)) AND (?4 IS NULL OR environment = ?4) \
         AND (?5 IS NULL OR outcome = ?5) AND (?6 = 0 OR cycle.status = 'completed') ORDER BY position LIMIT ?7"
    ))?;
    let rows = query
        .query_and_then(
            params![
                int(page.after.unwrap_or(0)),
                filter.cycle.map(|cycle| int(cycle.0)),
                filter.uid.map(|uid| uid.0),
                filter.environment.as_ref().map(|environment| environment.as_str()),
                filter.outcome.map(|outcome| slug(&outcome)),
                filter.published,
                i64::from(page.limit) + 1,
            ],
            |row| Ok((number(row, "position")?, from_row(row)?)),
        )?
        .collect::<Result<Vec<_>, StoreError>>()?;
    let paged = Paged::cut(rows, page.limit, |(position, _)| *position);
    Ok(Paged { rows: paged.rows.into_iter().map(|(_, row)| row).collect(), next: paged.next })
}

/// The episode of a transcript.
pub(super) fn by_transcript(connection: &Connection, transcript: &Digest) -> Result<Option<EpisodeRow>, StoreError> {
    let mut query = connection.prepare_cached(&format!("{SELECT} WHERE transcript = ?1"))?;
    query.query_and_then([transcript.0], from_row)?.next().transpose()
}

/// Every transcript that a task or an attempt names.
pub(super) fn transcripts(connection: &Connection) -> Result<Vec<Digest>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT transcript FROM task WHERE transcript IS NOT NULL \
         UNION SELECT transcript FROM attempt WHERE transcript IS NOT NULL",
    )?;
    Ok(query.query_map([], |row| row.get(0).map(Digest))?.collect::<Result<_, _>>()?)
}
