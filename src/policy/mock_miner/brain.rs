//! What decides a policy's actions.

use crate::domain::PolicyObservation;
use crate::policy::wire::TaskConfig;
use crate::sim::SimError;

/// Why a policy of ours has no answer; the server says it with status 500.
#[derive(Debug, thiserror::Error)]
pub enum BrainError {
    /// The episode's seed cannot be known.
    #[error(
        "no development beacon gives policy seed {seed} for {env}; is --genesis the chain's, and --hotkey the miner's own?"
    )]
    UnknownEpisode {
        /// The environment.
        env: String,
        /// The seed of the reset.
        seed: u32,
    },
    /// There is no scripted expert.
    #[error("there is no expert for {0}; `kinitro list-envs` shows which there are")]
    NoExpert(String),
    /// What the validator observes is not what our own simulator shows.
    #[error(
        "step {step}: the observation differs from this machine's own simulation: got {got:?}, expected {expected:?}"
    )]
    Diverged {
        /// The step of the observation.
        step: u32,
        /// What was sent.
        got: [f64; 4],
        /// What our own world shows.
        expected: [f64; 4],
    },
    /// The calls of an episode came in an order that no episode has.
    #[error("step {got} was asked after step {expected} was expected")]
    OutOfOrder {
        /// The step that was asked.
        got: u32,
        /// The step that should have been.
        expected: u32,
    },
    /// Our simulator failed.
    #[error(transparent)]
    Simulator(#[from] SimError),
}

/// A policy: makes a fresh brain for each episode, so nothing crosses episodes.
pub trait Policy: Send + Sync {
    /// Begins an episode. May take long; is called where blocking is allowed.
    ///
    /// # Errors
    /// [`BrainError`] when the policy cannot play this episode.
    fn reset(&self, config: &TaskConfig) -> Result<Box<dyn Brain>, BrainError>;
}

/// The policy in one episode.
pub trait Brain: Send {
    /// The action on an observation, in the protocol's convention (gripper +1 opens). `step` is the number of the step,
    /// where the caller says it.
    ///
    /// # Errors
    /// [`BrainError`] when there is no answer.
    fn act(&mut self, step: Option<u32>, observation: &PolicyObservation) -> Result<[f64; 4], BrainError>;
}
