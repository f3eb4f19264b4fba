//! The policies by name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::expert::Random;
use super::{Brain, BrainError, EpisodeLocator, Expert, Misbehaviour, Policy};
use crate::domain::{BlockHash, EnvId, Hotkey, PolicyObservation, Randomisation, printable};
use crate::policy::PolicyError;
use crate::policy::wire::TaskConfig;
use crate::sim::{self, Simulator};

/// What a mock miner plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MockPolicy {
    /// The scripted expert of each task.
    Expert,
    /// The expert, with a random action now and then.
    Noisy,
    /// The expert on some environments, random on the others.
    Specialist,
    /// Random actions.
    Random,
    /// The same push forward at every step.
    Push,
    /// No motion.
    Zero,
    /// A server that breaks the protocol.
    Misbehaving(Misbehaviour),
}

impl MockPolicy {
    /// Every policy, the honest ones first.
    pub fn all() -> impl Iterator<Item = MockPolicy> {
        use MockPolicy::*;
        [Expert, Noisy, Specialist, Random, Push, Zero].into_iter().chain(Misbehaviour::ALL.map(Misbehaving))
    }

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            MockPolicy::Expert => "expert",
            MockPolicy::Noisy => "noisy",
            MockPolicy::Specialist => "specialist",
            MockPolicy::Random => "random",
            MockPolicy::Push => "push",
            MockPolicy::Zero => "zero",
            MockPolicy::Misbehaving(how) => how.name(),
        }
    }

    /// Whether it must know the chain and its own hotkey, to find the worlds that it plays.
    pub fn needs_seeds(self) -> bool {
        match self {
            MockPolicy::Expert | MockPolicy::Noisy | MockPolicy::Specialist => true,
            MockPolicy::Random | MockPolicy::Push | MockPolicy::Zero => false,
            MockPolicy::Misbehaving(how) => how.needs_expert(),
        }
    }

    /// One line about it for people.
    pub fn describe(self) -> &'static str {
        match self {
            MockPolicy::Expert => "the scripted expert of each task",
            MockPolicy::Noisy => "the expert; with probability 1 - skill a random action instead",
            MockPolicy::Specialist => "the expert on --envs, random on the others",
            MockPolicy::Random => "random actions",
            MockPolicy::Push => "a blind push forward and down, which closes drawers and little else",
            MockPolicy::Zero => "no motion",
            MockPolicy::Misbehaving(how) => how.describe(),
        }
    }
}

impl fmt::Display for MockPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MockPolicy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<MockPolicy, PolicyError> {
        MockPolicy::all().find(|policy| policy.name() == text).ok_or_else(|| {
            let known: Vec<_> = MockPolicy::all().map(MockPolicy::name).collect();
            PolicyError::UnknownPolicy { name: printable(text, 40), known: known.join(", ") }
        })
    }
}

/// How a mock miner is set up.
#[derive(Debug, Clone)]
pub struct MockOptions {
    /// What it plays.
    pub policy: MockPolicy,
    /// How sure `noisy` is, from 0 (random) to 1 (expert).
    pub skill: f64,
    /// Where `specialist` is an expert.
    pub envs: Vec<EnvId>,
    /// The miner's own hotkey: decides the seeds it is told.
    pub hotkey: Hotkey,
    /// Genesis hash of the development chain, from which experts compute the beacons.
    pub genesis: BlockHash,
    /// The contest's domain randomisation, without which experts would have another world.
    pub randomisation: Randomisation,
}

/// A policy and how its server behaves.
#[derive(Clone)]
pub struct MockMiner {
    pub(super) policy: Arc<dyn Policy>,
    pub(super) misbehaviour: Option<Misbehaviour>,
}

impl MockMiner {
    /// A mock miner with these options and its own simulator.
    ///
    /// # Errors
    /// [`PolicyError::Options`] for a skill outside 0 to 1, or a specialist of nothing.
    pub fn new(options: &MockOptions, simulator: &Simulator) -> Result<MockMiner, PolicyError> {
        if !(0.0..=1.0).contains(&options.skill) {
            return Err(PolicyError::Options(format!("--skill is from 0 to 1, not {}", options.skill)));
        }
        if options.policy == MockPolicy::Specialist && options.envs.is_empty() {
            return Err(PolicyError::Options("a specialist needs --envs, such as metaworld/reach-v3".into()));
        }
        if let Some(unknown) = options.envs.iter().find(|env| sim::task(env).is_none()) {
            let hint = "`kinitro list-envs` shows which there are";
            return Err(PolicyError::Options(format!("there is no environment {unknown}; {hint}")));
        }
        let expert = || {
            let locator = EpisodeLocator::new(options.genesis, options.hotkey, options.randomisation);
            Expert::new(simulator.clone(), Arc::new(locator))
        };
        let policy: Arc<dyn Policy> = match options.policy {
            MockPolicy::Expert => Arc::new(expert()),
            MockPolicy::Noisy => Arc::new(expert().with_skill(options.skill)),
            MockPolicy::Specialist => Arc::new(Specialist { expert: expert(), envs: options.envs.clone() }),
            MockPolicy::Random => Arc::new(Random),
            MockPolicy::Misbehaving(how) if how.needs_expert() => Arc::new(expert()),
            MockPolicy::Push => Arc::new(Constant(PUSH)),
            MockPolicy::Zero | MockPolicy::Misbehaving(_) => Arc::new(Constant([0.0; 4])),
        };
        let misbehaviour = match options.policy {
            MockPolicy::Misbehaving(how) => Some(how),
            _ => None,
        };
        Ok(MockMiner { policy, misbehaviour })
    }

    /// A well-behaved server of any policy.
    pub fn of(policy: Arc<dyn Policy>) -> MockMiner {
        MockMiner { policy, misbehaviour: None }
    }
}

struct Specialist {
    expert: Expert,
    envs: Vec<EnvId>,
}

impl Policy for Specialist {
    fn reset(&self, config: &TaskConfig) -> Result<Box<dyn Brain>, BrainError> {
        if self.envs.contains(&config.env_id) { self.expert.reset(config) } else { Random.reset(config) }
    }
}

/// Acts the same at every step, whatever it sees.
#[derive(Clone, Copy)]
struct Constant([f64; 4]);

/// What [`MockPolicy::Push`] answers: to the right, forward, down, and the gripper shut.
const PUSH: [f64; 4] = [0.3, 1.0, -0.3, -1.0];

impl Policy for Constant {
    fn reset(&self, _config: &TaskConfig) -> Result<Box<dyn Brain>, BrainError> {
        Ok(Box::new(*self))
    }
}

impl Brain for Constant {
    fn act(&mut self, _step: Option<u32>, _observation: &PolicyObservation) -> Result<[f64; 4], BrainError> {
        Ok(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::MockPolicy;

    #[test]
    fn every_policy_is_found_by_its_name() {
        for policy in MockPolicy::all() {
            assert_eq!(policy.name().parse::<MockPolicy>().unwrap(), policy);
        }
        let error = "expret\u{1b}".parse::<MockPolicy>().unwrap_err().to_string();
        assert!(error.contains("expert") && error.contains("crash-midway"), "{error}");
        assert!(!error.contains('\u{1b}'));
    }
}
