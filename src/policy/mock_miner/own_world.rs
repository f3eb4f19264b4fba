//! An expert's own copy of the world behind an episode.

use super::{BrainError, KnownWorld};
use crate::domain::{Action, EnvId, PolicyObservation};
use crate::sim::{Simulator, World};

/// The world as it must be on the validator's side: simulated from what is known of it and our own actions.
pub(super) struct OwnWorld {
    simulator: Simulator,
    env: EnvId,
    known: KnownWorld,
    world: World,
    applied: Vec<Action>,
}

impl OwnWorld {
    pub(super) fn new(simulator: Simulator, env: EnvId, known: KnownWorld) -> Result<OwnWorld, BrainError> {
        let world = simulator.episode(&env, &known.seed, known.randomisation)?;
        Ok(OwnWorld { simulator, env, known, world, applied: Vec::new() })
    }

    /// The world, once it agrees with what was observed last.
    pub(super) fn world(&self) -> &World {
        &self.world
    }

    /// Brings the world to `step` and compares it with what the validator observed there, bit for bit.
    ///
    /// The validator holds the arm still on steps that it got no answer for in time: those that were never asked here,
    /// and perhaps our last answer, which may have come too late. A world in which it did is tried before the
    /// two are said to differ.
    pub(super) fn follow(&mut self, step: Option<u32>, observation: [f64; 4]) -> Result<(), BrainError> {
        let known = self.applied.len() as u32;
        let step = step.unwrap_or(known);
        if step < known || step > crate::sim::EPISODE_STEPS {
            return Err(BrainError::OutOfOrder { got: step, expected: known });
        }
        for _ in known..step {
            self.step(Action::hold(self.last()))?;
        }
        let expected = visible(&self.world);
        if same_bits(expected, observation) || (known > 0 && self.held_at(known - 1, observation)?) {
            return Ok(());
        }
        Err(BrainError::Diverged { step, got: observation, expected })
    }

    /// Applies our own action.
    pub(super) fn step(&mut self, action: Action) -> Result<(), BrainError> {
        self.world.step(action)?;
        self.applied.push(action);
        Ok(())
    }

    fn last(&self) -> Action {
        self.applied.last().copied().unwrap_or(Action::ZERO)
    }

    /// Tries the world in which our answer of step `late` and those behind it were missed; keeps it if it agrees.
    fn held_at(&mut self, late: u32, observation: [f64; 4]) -> Result<bool, BrainError> {
        let mut other = OwnWorld::new(self.simulator.clone(), self.env.clone(), self.known)?;
        for action in &self.applied[..late as usize] {
            other.step(*action)?;
        }
        for _ in late as usize..self.applied.len() {
            other.step(Action::hold(other.last()))?;
        }
        let agrees = same_bits(visible(&other.world), observation);
        if agrees {
            *self = other;
        }
        Ok(agrees)
    }
}

fn visible(world: &World) -> [f64; 4] {
    PolicyObservation::of(world.observation()).values()
}

fn same_bits(a: [f64; 4], b: [f64; 4]) -> bool {
    a.map(f64::to_bits) == b.map(f64::to_bits)
}
