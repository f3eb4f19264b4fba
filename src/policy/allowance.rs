//! The time that a policy may take in one episode.

use std::time::Duration;

use tokio::time::Instant;

/// What is left of the time for all of a policy's answers of an episode. It runs from each question to its answer only:
/// what we do in between, such as stepping and drawing, costs the policy nothing.
pub(super) struct Allowance {
    left: Duration,
}

impl Allowance {
    /// The whole time of an episode, `episode_timeout_ms` of its contest.
    pub(super) fn whole(episode_timeout: Duration) -> Allowance {
        Allowance { left: episode_timeout }
    }

    /// When the answer to a question of `now` must be here, which is after `act_timeout` at the latest; `None` when all time
    /// is used up.
    pub(super) fn deadline(&self, now: Instant, act_timeout: Duration) -> Option<Instant> {
        (!self.left.is_zero()).then(|| now + self.left.min(act_timeout))
    }

    /// Counts the time from a question to its answer, or to where we stopped waiting for it.
    pub(super) fn spend(&mut self, asked: Instant, answered: Instant) {
        self.left = self.left.saturating_sub(answered.saturating_duration_since(asked));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_from_a_question_to_its_answer_counts() {
        let ms = Duration::from_millis;
        let (mut allowance, mut now) = (Allowance::whole(ms(100)), Instant::now());
        for left in [100, 70, 40] {
            assert_eq!(allowance.deadline(now, ms(500)), Some(now + ms(left)));
            let asked = now;
            now += ms(30);
            allowance.spend(asked, now);
            // Stepping, drawing, waiting for a thread.
            now += Duration::from_secs(3600);
        }
        assert_eq!(allowance.deadline(now, ms(500)), Some(now + ms(10)));
        assert_eq!(allowance.deadline(now, ms(5)), Some(now + ms(5)), "no answer has longer than its own limit");
        allowance.spend(now, now + ms(11));
        assert_eq!(allowance.deadline(now, ms(500)), None);
    }
}
