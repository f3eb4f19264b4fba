//! A cycle that could not be checked is looked at again, but not as often as the server is asked for news.

use std::time::{Duration, Instant};

use crate::domain::CycleId;

/// Longest wait between two looks at one cycle.
const LONGEST: Duration = Duration::from_secs(1_800);

/// When a cycle is looked at again.
#[derive(Debug, Default)]
pub(super) struct Patience(Option<Wait>);

#[derive(Debug)]
struct Wait {
    cycle: CycleId,
    tries: u32,
    until: Instant,
}

impl Patience {
    /// Whether this cycle is to be left alone at `now`.
    pub(super) fn asks_to_wait(&self, cycle: CycleId, now: Instant) -> bool {
        self.0.as_ref().is_some_and(|wait| wait.cycle == cycle && now < wait.until)
    }

    /// The cycle was looked at in vain: it is left alone for `pause`, twice as long each time.
    pub(super) fn in_vain(&mut self, cycle: CycleId, pause: Duration, now: Instant) {
        let tries = self.0.as_ref().filter(|wait| wait.cycle == cycle).map_or(0, |wait| wait.tries.saturating_add(1));
        let factor = 1u32.checked_shl(tries).unwrap_or(u32::MAX);
        let until = now + pause.saturating_mul(factor).min(LONGEST.max(pause));
        self.0 = Some(Wait { cycle, tries, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_for_one_cycle_and_begin_anew_for_the_next() {
        let start = Instant::now();
        let minute = Duration::from_secs(60);
        let mut patience = Patience::default();
        assert!(!patience.asks_to_wait(CycleId(1), start));
        for minutes in [1, 2, 4, 8, 16, 30, 30] {
            patience.in_vain(CycleId(1), minute, start);
            assert!(patience.asks_to_wait(CycleId(1), start + minute * minutes - Duration::from_secs(1)), "{minutes}");
            assert!(!patience.asks_to_wait(CycleId(1), start + minute * minutes), "{minutes}");
        }
        assert!(!patience.asks_to_wait(CycleId(2), start));
        patience.in_vain(CycleId(2), minute, start);
        assert!(!patience.asks_to_wait(CycleId(2), start + minute));
    }
}
