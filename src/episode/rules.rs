//! What ends an episode.

use crate::domain::{Contest, Limits, PolicyProfile};

/// The rules of one episode, taken from its contest.
#[derive(Debug, Clone)]
pub struct EpisodeRules {
    /// Steps at most.
    pub max_steps: u32,
    /// End at the first successful step.
    pub stop_on_success: bool,
    /// Time and error limits.
    pub limits: Limits,
    /// The convention in which the policy speaks.
    pub profile: PolicyProfile,
}

impl EpisodeRules {
    /// The rules of `contest` for policies of `profile`.
    pub fn of(contest: &Contest, profile: PolicyProfile) -> EpisodeRules {
        EpisodeRules {
            max_steps: contest.max_steps,
            stop_on_success: contest.stop_on_success,
            limits: contest.limits.clone(),
            profile,
        }
    }
}
