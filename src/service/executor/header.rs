//! From a task to the header of its transcript.

use crate::domain::{Contest, Encoding, EngineFingerprint, ExecutorId, PolicyProfile};
use crate::sim::World;
use crate::store::LeasedTask;
use crate::transcript::Header;

/// What is known when the episode of `task` begins.
pub fn header_of(
    task: &LeasedTask,
    contest: &Contest,
    engine: &EngineFingerprint,
    world: &World,
    encoding: Option<Encoding>,
    executor: ExecutorId,
) -> Header {
    Header {
        engine: engine.clone(),
        contest: task.contest,
        environment: task.environment.clone(),
        index: task.index,
        cycle: Some(task.cycle),
        anchor: Some(task.anchor),
        seed: task.seed,
        randomisation: contest.randomisation,
        task_vector: world.task_vector().to_vec(),
        miner: Some(task.miner.clone()),
        profile: PolicyProfile::KinitroV1,
        encoding,
        limits: contest.limits.clone(),
        max_steps: contest.max_steps,
        stop_on_success: contest.stop_on_success,
        executor,
        heavy: false,
    }
}
