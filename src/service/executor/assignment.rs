//! What an episode is of: a leased task's, or one of a trial outside any cycle.

use crate::beacon::policy_seed;
use crate::domain::{
    BlockRef, Contest, CycleId, Encoding, EngineFingerprint, EnvId, EpisodeSeed, ExecutorId, Hotkey, Miner,
    PolicyProfile,
};
use crate::policy::EpisodeTicket;
use crate::sim::{self, SimError, World};
use crate::store::LeasedTask;
use crate::transcript::Header;

/// One episode to be run.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The cycle and its anchor; none in a trial.
    pub cycle: Option<(CycleId, BlockRef)>,
    /// Whose policy, as the cycle knows it; none in a trial.
    pub miner: Option<Miner>,
    /// The environment.
    pub environment: EnvId,
    /// Which episode of the environment.
    pub index: u32,
    /// The world's seed.
    pub seed: EpisodeSeed,
    /// What identifies the episode towards the policy.
    pub ticket: EpisodeTicket,
}

impl Assignment {
    /// The episode of a leased task.
    pub fn of(task: &LeasedTask) -> Assignment {
        Assignment {
            cycle: Some((task.cycle, task.anchor)),
            miner: Some(task.miner.clone()),
            environment: task.environment.clone(),
            index: task.index,
            seed: task.seed,
            ticket: ticket(&task.seed, &task.environment, task.index, task.miner.hotkey, &task.attempt.0.to_le_bytes()),
        }
    }

    /// An episode outside any cycle, run for the policy of `hotkey`.
    pub fn trial(environment: EnvId, index: u32, seed: EpisodeSeed, hotkey: Hotkey) -> Assignment {
        let ticket = ticket(&seed, &environment, index, hotkey, b"trial");
        Assignment { cycle: None, miner: None, environment, index, seed, ticket }
    }

    /// The header of the episode's transcript.
    ///
    /// # Errors
    /// A renderer that cannot draw here.
    pub fn header(
        &self,
        contest: &Contest,
        engine: &EngineFingerprint,
        world: &World,
        encoding: Option<Encoding>,
        executor: ExecutorId,
    ) -> Result<Header, SimError> {
        Ok(Header {
            engine: engine.clone(),
            contest: contest.digest(),
            environment: self.environment.clone(),
            index: self.index,
            cycle: self.cycle.map(|(id, _)| id),
            anchor: self.cycle.map(|(_, anchor)| anchor),
            seed: self.seed,
            randomisation: contest.randomisation,
            task_vector: world.task_vector().to_vec(),
            miner: self.miner.clone(),
            profile: PolicyProfile::KinitroV1,
            encoding,
            limits: contest.limits.clone(),
            max_steps: contest.max_steps,
            stop_on_success: contest.stop_on_success,
            cameras: contest.cameras.clone(),
            renderer: sim::renderer(contest.renderer)?,
            executor,
            heavy: false,
        })
    }
}

/// The episode id is opaque: it says nothing about the cycle, and an episode that is tried again has another one.
fn ticket(seed: &EpisodeSeed, environment: &EnvId, index: u32, hotkey: Hotkey, try_number: &[u8]) -> EpisodeTicket {
    let mut hasher = blake3::Hasher::new_derive_key("kinitro episode ticket v1");
    hasher.update(&seed.0).update(&hotkey.0).update(try_number);
    let id = hasher.finalize().to_hex();
    EpisodeTicket {
        episode: id[..32].to_owned(),
        miner: hotkey,
        env_id: environment.clone(),
        policy_seed: policy_seed(seed, &hotkey),
        task_id: index,
    }
}
