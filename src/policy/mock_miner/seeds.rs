//! Where an expert learns the seed of its episode.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::domain::{EnvId, EpisodeSeed, PolicySeed, Randomisation};
use crate::policy::wire::TaskConfig;

/// What decides an episode's world, besides its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownWorld {
    /// The episode's seed.
    pub seed: EpisodeSeed,
    /// The contest's domain randomisation.
    pub randomisation: Randomisation,
}

/// Knows, or finds, the world behind a reset.
pub trait SeedSource: Send + Sync {
    /// The world of the episode, or `None` where it cannot be known. May take long.
    fn find(&self, config: &TaskConfig) -> Option<KnownWorld>;
}

/// Most seeds that are remembered; far more than an executor has probes in flight.
const MAX_REGISTERED: usize = 4096;

/// Seeds that were told directly, for policies that play our own probes.
#[derive(Debug, Default)]
pub struct RegisteredSeeds {
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    seeds: BTreeMap<Key, (u64, KnownWorld)>,
    by_age: BTreeMap<u64, Key>,
    next_age: u64,
}

type Key = (u32, EnvId, u32);

impl RegisteredSeeds {
    /// Tells the world behind the reset that will carry `policy_seed`, `env` and `index`. The oldest are
    /// forgotten beyond a few thousand.
    pub fn register(&self, policy_seed: PolicySeed, env: &EnvId, index: u32, world: KnownWorld) {
        let key = (policy_seed.0, env.clone(), index);
        let mut told = self.told.lock().expect("no panic under the lock");
        let age = told.next_age;
        told.next_age += 1;
        if let Some((earlier, _)) = told.seeds.insert(key.clone(), (age, world)) {
            told.by_age.remove(&earlier);
        }
        told.by_age.insert(age, key);
        if told.seeds.len() > MAX_REGISTERED
            && let Some((_, oldest)) = told.by_age.pop_first()
        {
            told.seeds.remove(&oldest);
        }
    }
}

impl SeedSource for RegisteredSeeds {
    fn find(&self, config: &TaskConfig) -> Option<KnownWorld> {
        let told = self.told.lock().expect("no panic under the lock");
        told.seeds.get(&(config.seed.0, config.env_id.clone(), config.task_id)).map(|(_, world)| *world)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_found_and_the_oldest_is_forgotten() {
        let env: EnvId = "metaworld/reach-v3".parse().unwrap();
        let seeds = RegisteredSeeds::default();
        let world = |byte: u8| KnownWorld { seed: EpisodeSeed([byte; 32]), randomisation: Randomisation::Standard };
        let find = |index| seeds.find(&TaskConfig::new(env.clone(), PolicySeed(9), index));
        for index in 0..=MAX_REGISTERED as u32 {
            seeds.register(PolicySeed(9), &env, index, world(index as u8));
        }
        assert!(find(0).is_none());
        assert!(find(1) == Some(world(1)));
        seeds.register(PolicySeed(9), &env, 1, world(2));
        assert!(find(1) == Some(world(2)), "told anew");
        assert!(find(2).is_some(), "and nothing else is forgotten for it");
    }
}
