//! Episodes outside any cycle: a miner's own evaluation, a try of an environment.
//!
//! The worlds come from the development beacon at a block of the default development chain, so that a trial can be
//! repeated by its block number and a mock expert can find its world.

use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::beacon::{SubStream, cycle_seed, dev_block_hash, dev_output, episode_seed};
use crate::domain::{
    BlockHash, BlockNumber, Contest, CycleId, EnvId, ExecutorId, Fault, Hotkey, Outcome, PolicyProfile, PolicyReply,
};
use crate::episode::{EpisodeRules, Rollout, Turn};
use crate::policy::Endpoint;
use crate::service::executor::{Assignment, Ended, Runner};
use crate::sim::{self, SimError, Simulator, World};
use crate::transcript::Transcript;

/// The cycle number that enters a trial's seeds.
const TRIAL_CYCLE: CycleId = CycleId(1);

/// The name under which trials are recorded.
const RECORDER: &str = "trial";

/// Which episodes to run.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Environments, episodes and limits.
    pub contest: Contest,
    /// Genesis of the development chain.
    pub genesis: BlockHash,
    /// The block whose beacon gives the worlds.
    pub block: BlockNumber,
    /// For whose policy.
    pub hotkey: Hotkey,
}

impl Trial {
    /// Every episode, environment by environment.
    pub fn assignments(&self) -> Vec<Assignment> {
        let output = dev_output(&dev_block_hash(&self.genesis, self.block));
        let seed = cycle_seed(&output, TRIAL_CYCLE);
        let episodes = |env: &EnvId| {
            let env = env.clone();
            (0..self.contest.episodes_per_env)
                .map(move |index| Assignment::trial(env.clone(), index, episode_seed(&seed, &env, index), self.hotkey))
        };
        self.contest.environments.iter().flat_map(episodes).collect()
    }

    /// Runs every episode against the policy at `endpoint`, `concurrency` at a time; `done` is told of each.
    pub async fn against(
        self: Arc<Self>,
        runner: Runner,
        endpoint: Endpoint,
        concurrency: usize,
        mut done: impl FnMut(&Assignment, &Ended),
    ) -> Vec<(Assignment, Ended)> {
        let executor = recorder();
        let episodes = stream::iter(self.assignments()).map(|assignment| {
            let (runner, endpoint, executor) = (runner.clone(), endpoint.clone(), executor.clone());
            let contest = &self.contest;
            async move {
                let ended = runner.run(&executor, &assignment, contest, Ok(endpoint)).await;
                (assignment, ended)
            }
        });
        let mut results = Vec::new();
        let mut episodes = std::pin::pin!(episodes.buffered(concurrency.max(1)));
        while let Some((assignment, ended)) = episodes.next().await {
            done(&assignment, &ended);
            results.push((assignment, ended));
        }
        results
    }
}

fn recorder() -> ExecutorId {
    RECORDER.parse().expect("the name is well-formed")
}

/// A policy that runs here, without a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LocalPolicy {
    /// MetaWorld's scripted expert, which sees everything.
    Expert,
    /// The same, pushed about by chance in the first half of the episode: it shows what to do in places to which it would
    /// never go by itself.
    DisturbedExpert,
    /// Uniform numbers in the action box, from the episode's seed.
    Random,
}

/// Runs one episode with a policy that runs here.
///
/// # Errors
/// When the environment is unknown or the engine fails.
pub fn run_locally(
    simulator: &Simulator,
    contest: &Contest,
    assignment: &Assignment,
    policy: LocalPolicy,
) -> Result<Transcript, SimError> {
    run_watched(simulator, contest, assignment, policy, |_| Ok(()))
}

/// The same while somebody watches: `watch` is shown the episode at its reset and after every step, and may break it off.
///
/// # Errors
/// As [`run_locally`], and those of `watch`.
pub fn run_watched<E: From<SimError>>(
    simulator: &Simulator,
    contest: &Contest,
    assignment: &Assignment,
    policy: LocalPolicy,
    mut watch: impl FnMut(&Rollout) -> Result<(), E>,
) -> Result<Transcript, E> {
    let world = simulator.episode(&assignment.environment, &assignment.seed, contest.randomisation)?;
    let header = assignment.header(contest, simulator.fingerprint(), &world, None, recorder())?;
    let profile = PolicyProfile::KinitroV1;
    let mut rollout = Rollout::start(world, header, EpisodeRules::of(contest, profile))?;
    let mut actor = Actor::new(assignment, policy, contest.max_steps)?;
    loop {
        watch(&rollout)?;
        let answer = Ok(actor.act(rollout.world()));
        if rollout.step(&PolicyReply { answer, latency_us: 0, bytes: 0 }) == Turn::Over {
            if let Some(error) = rollout.take_failure() {
                return Err(error.into());
            }
            watch(&rollout)?;
            return Ok(rollout.finish());
        }
    }
}

/// Steps after which a disturbed expert may be pushed another way.
const PUSH_STEPS: u32 = 10;

enum Actor {
    Expert(Box<dyn sim::Expert + Send>),
    Disturbed { expert: Box<dyn sim::Expert + Send>, chance: Box<SubStream>, push: Option<[f64; 3]>, until: u32 },
    Random(Box<SubStream>),
}

impl Actor {
    fn new(assignment: &Assignment, policy: LocalPolicy, max_steps: u32) -> Result<Actor, SimError> {
        let expert = || {
            sim::expert(&assignment.environment)
                .ok_or_else(|| SimError::UnknownEnvironment(assignment.environment.clone()))
        };
        let chance = |name| Box::new(SubStream::new(&assignment.seed, name));
        Ok(match policy {
            LocalPolicy::Expert => Actor::Expert(expert()?),
            LocalPolicy::DisturbedExpert => {
                let chance = chance("disturbed expert");
                Actor::Disturbed { expert: expert()?, chance, push: None, until: max_steps / 2 }
            }
            LocalPolicy::Random => Actor::Random(chance("random policy")),
        })
    }

    /// The answer in the protocol's convention.
    fn act(&mut self, world: &World) -> [f64; 4] {
        match self {
            Actor::Expert(expert) => expert_action(expert.as_mut(), world),
            Actor::Disturbed { expert, chance, push, until } => {
                let [dx, dy, dz, gripper] = expert_action(expert.as_mut(), world);
                if world.steps() >= *until {
                    return [dx, dy, dz, gripper];
                }
                if world.steps().is_multiple_of(PUSH_STEPS) {
                    let pushed = chance.uniform(0.0, 1.0) < 0.5;
                    let towards = std::array::from_fn(|_| chance.uniform(-1.0, 1.0));
                    *push = pushed.then_some(towards);
                }
                let [dx, dy, dz] = push.unwrap_or([dx, dy, dz]);
                [dx, dy, dz, gripper]
            }
            Actor::Random(stream) => std::array::from_fn(|_| stream.uniform(-1.0, 1.0)),
        }
    }
}

fn expert_action(expert: &mut (dyn sim::Expert + Send), world: &World) -> [f64; 4] {
    let [dx, dy, dz, gripper] = expert.act(&world.observation_with_goal()).map(f64::from);
    // The protocol's gripper sign is the opposite of MetaWorld's.
    [dx, dy, dz, -gripper]
}

/// Counts over the episodes of one environment.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Episodes with a transcript.
    pub episodes: u32,
    /// Of these, successful ones.
    pub successes: u32,
    /// Sum of total rewards.
    pub total_reward: f64,
    /// Faults by the miner, with how often each.
    pub faults: std::collections::BTreeMap<Fault, u32>,
    /// Episodes lost by our own failure.
    pub lost: u32,
}

impl Tally {
    /// Counts one ended episode.
    pub fn count(&mut self, ended: &Ended) {
        let Ok(transcript) = ended else {
            self.lost += 1;
            return;
        };
        self.episodes += 1;
        self.successes += u32::from(transcript.footer.outcome == Outcome::Success);
        self.total_reward += transcript.footer.total_reward;
        if let Some(fault) = transcript.footer.fault {
            *self.faults.entry(fault).or_default() += 1;
        }
    }

    /// Mean total reward; 0 without episodes.
    pub fn mean_reward(&self) -> f64 {
        if self.episodes == 0 { 0.0 } else { self.total_reward / f64::from(self.episodes) }
    }
}
