//! When missed steps end an episode.

use super::{FaultReason, Limits, MissReason};

/// Counts the missed steps of one episode and says when there are too many. Executor and replay share it,
/// so that the fault in a transcript's footer can be derived again from its steps.
#[derive(Debug, Clone)]
pub struct MissedSteps {
    max_in_a_row: u32,
    max_in_all: u32,
    max_malformed_in_a_row: u32,
    in_a_row: u32,
    in_all: u32,
    malformed_in_a_row: u32,
}

impl MissedSteps {
    /// A counter for an episode of at most `max_steps` steps under `limits`.
    pub fn new(limits: &Limits, max_steps: u32) -> MissedSteps {
        let share = u64::from(max_steps) * u64::from(limits.max_missed_percent) / 100;
        MissedSteps {
            max_in_a_row: limits.max_missed_steps,
            // A share of less than one step ends the episode at its first miss.
            max_in_all: u32::try_from(share).unwrap_or(u32::MAX).max(1),
            max_malformed_in_a_row: limits.max_malformed,
            in_a_row: 0,
            in_all: 0,
            malformed_in_a_row: 0,
        }
    }

    /// Takes note of one step's answer; `Some` when the episode ends here by the miner's fault.
    pub fn note(&mut self, answer: Result<(), MissReason>) -> Option<FaultReason> {
        let Err(reason) = answer else {
            self.in_a_row = 0;
            self.malformed_in_a_row = 0;
            return None;
        };
        self.in_a_row += 1;
        self.in_all += 1;
        if reason == MissReason::Malformed {
            self.malformed_in_a_row += 1;
        } else {
            self.malformed_in_a_row = 0;
        }
        if self.malformed_in_a_row >= self.max_malformed_in_a_row {
            return Some(FaultReason::MalformedActions);
        }
        let too_many = self.in_a_row >= self.max_in_a_row || self.in_all >= self.max_in_all;
        too_many.then_some(FaultReason::TooManyMissedSteps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> MissedSteps {
        MissedSteps::new(&Limits::default(), 500)
    }

    #[test]
    fn fifteen_in_a_row_end_the_episode() {
        let mut missed = counter();
        for _ in 0..14 {
            assert_eq!(missed.note(Err(MissReason::Timeout)), None);
        }
        assert_eq!(missed.note(Err(MissReason::Timeout)), Some(FaultReason::TooManyMissedSteps));
    }

    #[test]
    fn a_tenth_of_all_steps_ends_the_episode_however_spread() {
        let mut missed = counter();
        for count in 1..=50 {
            let fault = missed.note(Err(MissReason::Disconnected));
            assert_eq!(fault.is_some(), count == 50, "miss {count}");
            assert_eq!(missed.note(Ok(())), None);
        }
    }

    #[test]
    fn three_malformed_answers_in_a_row_end_the_episode() {
        let mut missed = counter();
        assert_eq!(missed.note(Err(MissReason::Malformed)), None);
        assert_eq!(missed.note(Err(MissReason::Malformed)), None);
        assert_eq!(missed.note(Err(MissReason::Timeout)), None);
        assert_eq!(missed.note(Err(MissReason::Malformed)), None);
        assert_eq!(missed.note(Err(MissReason::Malformed)), None);
        assert_eq!(missed.note(Err(MissReason::Malformed)), Some(FaultReason::MalformedActions));
    }
}
