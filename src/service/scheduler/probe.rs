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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CycleId, Digest, Fault, FaultReason, Hotkey, JobKind, TaskId, Uid};

    fn row(index: u32, outcome: Outcome, state: EpisodeState, fault: Option<Fault>) -> EpisodeRow {
        let (cycle, hotkey) = (CycleId(1), Hotkey([1; 32]));
        let environment: crate::domain::EnvId = "metaworld/reach-v3".parse().unwrap();
        EpisodeRow {
            task: TaskId::of(cycle, JobKind::Rollout, &hotkey, &environment, index),
            cycle,
            environment,
            index,
            uid: Uid(0),
            hotkey,
            state,
            transcript: Some(Digest::ZERO),
            replay_root: Some(Digest::ZERO),
            outcome,
            fault,
            steps: 500,
            success_step: None,
            total_reward: 1.0,
            probe: true,
            published: false,
        }
    }

    fn ended(successes: u32, failures: u32) -> Vec<EpisodeRow> {
        let outcome = |index| if index < successes { Outcome::Success } else { Outcome::Failure };
        (0..successes + failures).map(|index| row(index, outcome(index), EpisodeState::Counted, None)).collect()
    }

    #[test]
    fn a_probe_that_succeeds_or_does_not_run_freezes_nothing() {
        assert_eq!(failure(&[]), None);
        assert_eq!(failure(&ended(8, 0)), None);
        assert_eq!(failure(&ended(4, 4)), None);
    }

    #[test]
    fn a_probe_that_fails_too_often_freezes_the_scores() {
        assert!(failure(&ended(3, 5)).unwrap().contains("3 of 8"));
    }

    #[test]
    fn a_probe_that_was_broken_off_or_left_out_freezes_the_scores() {
        let fault = Some(Fault::new(FaultReason::ResetTimeout));
        let broken = row(8, Outcome::Faulted, EpisodeState::Counted, fault);
        assert!(failure(&[ended(8, 0), vec![broken]].concat()).unwrap().contains("reset_timeout"));
        let lost = row(8, Outcome::Faulted, EpisodeState::LeftOut, Some(Fault::new(FaultReason::ExecutorLost)));
        assert!(failure(&[ended(8, 0), vec![lost]].concat()).unwrap().contains("left out"));
    }
}
