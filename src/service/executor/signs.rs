//! What an executor says of itself while it works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::service::supervision::Pulse;

/// Longest silence of the loop: a request for tasks, with all its tries, takes six minutes at most.
const SILENCE: Duration = Duration::from_secs(900);

/// Its signs of life, and what stands in them.
pub(super) struct Signs {
    pub(super) pulse: Pulse,
    ended: AtomicU64,
    is_answered: AtomicBool,
}

impl Signs {
    pub(super) fn new() -> Signs {
        Signs { pulse: Pulse::new("executor"), ended: AtomicU64::new(0), is_answered: AtomicBool::new(true) }
    }

    /// Notes that an episode ended, however it did.
    pub(super) fn episode_ended(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes whether the queue answered when it was asked for tasks.
    pub(super) fn answered(&self, is_answered: bool) {
        self.is_answered.store(is_answered, Ordering::Relaxed);
    }

    /// Gives a sign: so many episodes are under way, and perhaps an outage is waited out.
    pub(super) fn give(&self, under_way: usize, is_outage: bool) {
        let waits = match (is_outage, self.is_answered.load(Ordering::Relaxed)) {
            (true, _) => ", waiting out an outage",
            (false, false) => ", waiting for the API to give tasks",
            (false, true) => "",
        };
        let ended = self.ended.load(Ordering::Relaxed);
        self.pulse.doing(&format!("episodes here: {under_way} under way, {ended} ended{waits}"), SILENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::Signs;

    #[test]
    fn the_words_say_what_is_waited_for() {
        let signs = Signs::new();
        signs.episode_ended();
        signs.give(3, false);
        assert_eq!(signs.pulse.text(), "episodes here: 3 under way, 1 ended");
        signs.answered(false);
        signs.give(0, false);
        assert_eq!(signs.pulse.text(), "episodes here: 0 under way, 1 ended, waiting for the API to give tasks");
        signs.give(0, true);
        assert!(signs.pulse.text().ends_with("waiting out an outage"));
    }
}
