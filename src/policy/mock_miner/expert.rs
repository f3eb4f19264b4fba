//! Scripted experts as policies, sure or noisy.

use std::sync::Arc;

use super::own_world::OwnWorld;
use super::{Brain, BrainError, Policy, SeedSource};
use crate::beacon::SubStream;
use crate::domain::{Action, EnvId, EpisodeSeed, PolicyObservation, PolicyProfile, PolicySeed};
use crate::policy::wire::TaskConfig;
use crate::sim::{self, Simulator};

/// Context of a policy's own randomness.
const NOISE_CONTEXT: &str = "kinitro mock policy v1";

/// The convention that servers of ours speak.
const PROFILE: PolicyProfile = PolicyProfile::KinitroV1;

/// A policy that plays MetaWorld's scripted expert of each task.
#[derive(Clone)]
pub struct Expert {
    simulator: Simulator,
    seeds: Arc<dyn SeedSource>,
    skill: f64,
}

impl Expert {
    /// An expert that is never wrong, with its own simulator and where it learns the worlds of its episodes.
    pub fn new(simulator: Simulator, seeds: Arc<dyn SeedSource>) -> Expert {
        Expert { simulator, seeds, skill: 1.0 }
    }

    /// With a `skill` below 1 each action is, with probability 1 − skill, a random one.
    pub fn with_skill(self, skill: f64) -> Expert {
        Expert { skill, ..self }
    }
}

impl Policy for Expert {
    fn reset(&self, config: &TaskConfig) -> Result<Box<dyn Brain>, BrainError> {
        let (env, seed) = (&config.env_id, config.seed);
        let expert = sim::expert(env).ok_or_else(|| BrainError::NoExpert(env.to_string()))?;
        let known = self.seeds.find(config);
        let known = known.ok_or_else(|| BrainError::UnknownEpisode { env: env.to_string(), seed: seed.0 })?;
        let world = OwnWorld::new(self.simulator.clone(), env.clone(), known)?;
        Ok(Box::new(ExpertBrain { world, expert, skill: self.skill, noise: noise(seed, env) }))
    }
}

struct ExpertBrain {
    world: OwnWorld,
    expert: Box<dyn sim::Expert + Send>,
    skill: f64,
    noise: SubStream,
}

impl Brain for ExpertBrain {
    fn act(&mut self, step: Option<u32>, observation: &PolicyObservation) -> Result<[f64; 4], BrainError> {
        self.world.follow(step, observation.values())?;
        let wanted = self.expert.act(&self.world.world().observation_with_goal()).map(f64::from);
        let sure = self.skill >= 1.0 || self.noise.uniform(0.0, 1.0) < self.skill;
        // An expert that computes a NaN has no opinion.
        let action =
            if sure { Action::clipped(wanted).unwrap_or(Action::ZERO) } else { random_action(&mut self.noise) };
        self.world.step(action)?;
        Ok(PROFILE.to_wire(action))
    }
}

/// Random actions in every environment.
pub(super) struct Random;

struct RandomBrain(SubStream);

impl Policy for Random {
    fn reset(&self, config: &TaskConfig) -> Result<Box<dyn Brain>, BrainError> {
        Ok(Box::new(RandomBrain(noise(config.seed, &config.env_id))))
    }
}

impl Brain for RandomBrain {
    fn act(&mut self, _step: Option<u32>, _observation: &PolicyObservation) -> Result<[f64; 4], BrainError> {
        Ok(PROFILE.to_wire(random_action(&mut self.0)))
    }
}

fn random_action(noise: &mut SubStream) -> Action {
    let values = [(); 4].map(|()| noise.uniform(-1.0, 1.0));
    Action::clipped(values).expect("the draws are finite")
}

/// A policy's own stream of random numbers, decided by the seed that it was told.
fn noise(seed: PolicySeed, env: &EnvId) -> SubStream {
    let material = [&seed.0.to_le_bytes(), env.as_str().as_bytes()].concat();
    SubStream::new(&EpisodeSeed(blake3::derive_key(NOISE_CONTEXT, &material)), "noise")
}
