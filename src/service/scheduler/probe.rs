//! What the known-good probe says about a cycle.

use crate::domain::Outcome;
use crate::store::{EpisodeRow, EpisodeState};

/// The known-good policy succeeds in nearly every episode (248 of 250 over all tasks of MetaWorld); below this share,
/// in percent, something of ours is broken and the cycle's scores would mean nothing.
const MIN_SUCCESS_PERCENT: usize = 50;

/// Why a cycle's scores must not be published, judging by the probe's episodes; `None` when all is well.
///
/// Any probe episode that was left out or broken off freezes the cycle: a policy of ours, served by ourselves, has
/// no faults of its own.
pub fn failure(probe_rows: &[EpisodeRow]) -> Option<String> {
    let left_out = probe_rows.iter().filter(|row| row.state == EpisodeState::LeftOut).count();
    if left_out > 0 {
        return Some(format!("{left_out} of {} episodes of the known-good probe were left out", probe_rows.len()));
    }
    if let Some(row) = probe_rows.iter().find(|row| row.outcome == Outcome::Faulted) {
        let fault = row.fault.map_or_else(String::new, |fault| fault.to_string());
        return Some(format!("the known-good probe was broken off in {} ({fault})", row.environment));
    }
    let successes = probe_rows.iter().filter(|row| row.outcome == Outcome::Success).count();
    if successes * 100 < probe_rows.len() * MIN_SUCCESS_PERCENT {
        return Some(format!("the known-good probe succeeded in {successes} of {} episodes only", probe_rows.len()));
    }
    None
}
