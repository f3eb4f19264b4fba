//! One leased task from its beginning to its result.

use crate::beacon::policy_seed;
use crate::domain::{Contest, Digest, Encoding, ExecutorId, Fault, FaultReason, PolicyProfile, PolicyReply};
use crate::episode::{EpisodeRules, Rollout, Turn};
use crate::policy::{Endpoint, EpisodeTicket, PolicyClient, PolicySession};
use crate::sim::{SimError, Simulator};
use crate::store::LeasedTask;
use crate::transcript::Transcript;

use super::header::header_of;
use super::pool::{PhysicsPool, PoolError};

/// What an executor needs to run episodes; shared by all of them.
#[derive(Clone)]
pub struct Runner {
    /// Worlds.
    pub simulator: Simulator,
    /// Calls to policies.
    pub policies: PolicyClient,
    /// Threads for physics.
    pub pool: PhysicsPool,
}

/// How an episode ended: its record, or the platform's fault that left none.
pub type Ended = Result<Transcript, Lost>;

/// An episode without a transcript: something of ours failed.
#[derive(Debug, Clone)]
pub struct Lost {
    /// The platform's fault.
    pub fault: Fault,
    /// What happened, for the operator.
    pub note: String,
}

impl Lost {
    fn engine(note: impl ToString) -> Lost {
        Lost { fault: Fault::new(FaultReason::EngineFailure), note: note.to_string() }
    }
}

impl From<PoolError> for Lost {
    fn from(error: PoolError) -> Lost {
        Lost::engine(error)
    }
}

impl Runner {
    /// Runs the episode of `task` against `endpoint`, recording it under the name `executor`.
    ///
    /// A miner's fault is a transcript with that fault; only a failure of ours leaves no transcript.
    pub async fn run(
        &self,
        executor: &ExecutorId,
        task: &LeasedTask,
        contest: &Contest,
        endpoint: Result<Endpoint, Fault>,
    ) -> Ended {
        let session = match endpoint {
            Ok(endpoint) => self.policies.begin(&endpoint, &contest.limits, &ticket(task)).await,
            Err(fault) => Err(fault),
        };
        let encoding = session.as_ref().ok().map(PolicySession::encoding);
        let rollout = self.start(executor, task, contest, encoding).await?;
        match session {
            Ok(session) => self.drive(rollout, session).await,
            Err(fault) => self.broken_off(rollout, fault).await,
        }
    }

    async fn start(
        &self,
        executor: &ExecutorId,
        task: &LeasedTask,
        contest: &Contest,
        encoding: Option<Encoding>,
    ) -> Result<Rollout, Lost> {
        let (simulator, task, contest) = (self.simulator.clone(), task.clone(), contest.clone());
        let executor = executor.clone();
        let started = self.pool.run(move || {
            let world = simulator.episode(&task.environment, &task.seed, contest.randomisation)?;
            let header = header_of(&task, &contest, simulator.fingerprint(), &world, encoding, executor);
            let rules = EpisodeRules::of(&contest, PolicyProfile::KinitroV1);
            Ok::<_, SimError>(Rollout::start(world, header, rules))
        });
        started.await?.map_err(Lost::engine)
    }

    /// Asks, steps, asks again, until the episode is over.
    async fn drive(&self, mut rollout: Rollout, mut session: PolicySession) -> Ended {
        let mut observation = rollout.observation();
        loop {
            let reply = match session.act(rollout.steps(), &observation).await {
                Ok(reply) => reply,
                Err(fault) => return self.broken_off(rollout, fault).await,
            };
            let (stepped, turn) = self.step(rollout, reply).await?;
            rollout = stepped;
            match turn {
                Turn::Observe(next) => observation = next,
                Turn::Over => return self.finish(rollout).await,
            }
        }
    }

    async fn step(&self, mut rollout: Rollout, reply: PolicyReply) -> Result<(Rollout, Turn), Lost> {
        let stepped = self.pool.run(move || {
            let turn = rollout.step(&reply);
            (rollout, turn)
        });
        Ok(stepped.await?)
    }

    async fn broken_off(&self, mut rollout: Rollout, fault: Fault) -> Ended {
        rollout.abort(fault);
        self.finish(rollout).await
    }

    async fn finish(&self, rollout: Rollout) -> Ended {
        Ok(self.pool.run(move || rollout.finish()).await?)
    }
}

/// What identifies the episode towards the policy. The id is opaque: it says nothing about the cycle, and an episode
/// that is tried again has another one.
fn ticket(task: &LeasedTask) -> EpisodeTicket {
    let mut hasher = blake3::Hasher::new_derive_key("kinitro episode ticket v1");
    hasher.update(&task.seed.0).update(&task.id.0).update(&task.attempt.0.to_le_bytes());
    let id = Digest(*hasher.finalize().as_bytes());
    EpisodeTicket {
        episode: id.to_string()[..32].to_owned(),
        miner: task.miner.hotkey,
        env_id: task.environment.clone(),
        policy_seed: policy_seed(&task.seed, &task.miner.hotkey),
        task_id: task.index,
    }
}

