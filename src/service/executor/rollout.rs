//! One episode from its beginning to its transcript.

use crate::domain::{Contest, ExecutorId, Fault, FaultReason, PolicyProfile, PolicyReply};
use crate::episode::{EpisodeRules, Opening, Rollout, Turn};
use crate::policy::{Endpoint, PolicyClient, PolicySession};
use crate::sim::Simulator;
use crate::transcript::Transcript;

use super::assignment::Assignment;
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
    /// Runs the episode of `assignment` against `endpoint`, recording it under the name `executor`.
    ///
    /// A miner's fault is a transcript with that fault; only a failure of ours leaves no transcript.
    pub async fn run(
        &self,
        executor: &ExecutorId,
        assignment: &Assignment,
        contest: &Contest,
        endpoint: Result<Endpoint, Fault>,
    ) -> Ended {
        // Before the policy is called: once it is reset it waits for its first observation, and nothing of ours may lie
        // between the two.
        let opening = self.open(executor, assignment, contest).await?;
        let session = match endpoint {
            Ok(endpoint) => self.policies.begin(&endpoint, &contest.limits, &assignment.ticket).await,
            Err(fault) => Err(fault),
        };
        let rollout = opening.begin(session.as_ref().ok().map(PolicySession::encoding));
        match session {
            Ok(session) => self.drive(rollout, session).await,
            Err(fault) => self.broken_off(rollout, fault).await,
        }
    }

    /// Makes the world and draws its first pictures.
    async fn open(&self, executor: &ExecutorId, assignment: &Assignment, contest: &Contest) -> Result<Opening, Lost> {
        let (simulator, assignment, contest) = (self.simulator.clone(), assignment.clone(), contest.clone());
        let executor = executor.clone();
        let opened = self.pool.run(move || {
            let world = simulator.episode(&assignment.environment, &assignment.seed, contest.randomisation)?;
            let header = assignment.header(&contest, simulator.fingerprint(), &world, None, executor)?;
            Opening::draw(world, header, EpisodeRules::of(&contest, PolicyProfile::KinitroV1))
        });
        opened.await?.map_err(Lost::engine)
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
                Turn::Over => {
                    return match rollout.take_failure() {
                        Some(error) => Err(Lost::engine(error)),
                        None => self.finish(rollout).await,
                    };
                }
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
