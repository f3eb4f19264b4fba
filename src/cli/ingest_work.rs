//! What `kinitro bench ingest` hands in: tasks, and transcripts of the usual size for them.

use bytes::Bytes;

use crate::beacon::SubStream;
use crate::domain::{
    Action, BlockHash, BlockNumber, BlockRef, Claim, Contest, CycleId, Digest, EngineFingerprint, EpisodeSeed,
    ExecutorId, Hotkey, PolicyProfile, PolicyReply, Uid,
};
use crate::service::tasks::{FetchRequest, MAX_FETCH, TaskResult};
use crate::store::{CycleSecret, LeasedTask, NewCycle, NewTask, Submission};
use crate::transcript::{Header, Observed, Recorder, StepInput, Transcript};

/// Steps of a recorded episode.
const STEPS: u32 = 500;
/// Miners of the cycle.
const MINERS: u16 = 100;

/// One finished piece of work.
pub(super) struct Work {
    pub(super) digest: Digest,
    pub(super) file: Bytes,
    pub(super) result: TaskResult,
}

/// A fingerprint that no engine has: nothing is simulated here.
fn engine() -> EngineFingerprint {
    EngineFingerprint {
        mujoco_version: "none".into(),
        libmujoco: Digest::ZERO,
        assets: Digest::ZERO,
        task_code: 0,
        maths: "none".into(),
        renderer: "none".into(),
        architecture: "none".into(),
    }
}

fn hotkey(number: u16) -> Hotkey {
    Hotkey(Digest::of(&number.to_le_bytes()).0)
}

/// A cycle of `count` tasks.
pub(super) fn new_cycle(count: usize) -> NewCycle {
    let contest = Contest { cameras: Vec::new(), ..Contest::default() };
    let submissions = (0..MINERS).map(|number| Submission {
        hotkey: hotkey(number),
        uid: Uid(number),
        claim: Some(Claim {
            block: BlockNumber(1),
            repo: "owner/policy".into(),
            revision: "0123456789abcdef0123456789abcdef01234567".into(),
            deployment: "none".into(),
        }),
        endpoint: Some("http://127.0.0.1:9".into()),
        admitted: true,
        reasons: Vec::new(),
        since: BlockNumber(1),
        weights: None,
        holds: false,
    });
    let tasks = (0..count).map(|number| {
        let (miner, rest) = (number % usize::from(MINERS), number / usize::from(MINERS));
        let (environment, index) = (rest % contest.environments.len(), rest / contest.environments.len());
        NewTask {
            hotkey: hotkey(miner as u16),
            environment: contest.environments[environment].clone(),
            index: index as u32,
            seed: EpisodeSeed(Digest::of(&rest.to_le_bytes()).0),
        }
    });
    NewCycle {
        id: CycleId(1),
        anchor: BlockRef { number: BlockNumber(1), hash: BlockHash([1; 32]) },
        fingerprint: engine(),
        secret: CycleSecret(Vec::new()),
        submissions: submissions.collect(),
        probe: None,
        tasks: tasks.collect(),
        contest,
    }
}

/// A request for as many tasks as one may have.
pub(super) fn fetch(executor: &ExecutorId) -> FetchRequest {
    FetchRequest {
        executor: executor.clone(),
        limit: MAX_FETCH,
        environments: None,
        fingerprint: Some(engine().digest()),
    }
}

/// A transcript and a result for each task.
pub(super) fn record(executor: &ExecutorId, tasks: Vec<LeasedTask>) -> std::io::Result<Vec<Work>> {
    let contest = Contest { cameras: Vec::new(), ..Contest::default() };
    tasks
        .into_iter()
        .map(|task| {
            let transcript = record_one(executor, &task, &contest);
            let footer = &transcript.footer;
            let result = TaskResult {
                task: task.id,
                attempt: task.attempt,
                outcome: footer.outcome,
                fault: footer.fault,
                steps: footer.steps,
                total_reward: footer.total_reward,
                transcript: Some(transcript.id()),
                note: None,
            };
            Ok(Work { digest: transcript.id(), file: transcript.to_bytes()?.into(), result })
        })
        .collect()
}

fn record_one(executor: &ExecutorId, task: &LeasedTask, contest: &Contest) -> Transcript {
    let header = Header {
        engine: engine(),
        contest: task.contest,
        environment: task.environment.clone(),
        index: task.index,
        cycle: Some(task.cycle),
        anchor: Some(task.anchor),
        seed: task.seed,
        randomisation: contest.randomisation,
        task_vector: vec![0.0; 6],
        miner: Some(task.miner.clone()),
        profile: PolicyProfile::KinitroV1,
        encoding: None,
        limits: contest.limits.clone(),
        max_steps: contest.max_steps,
        stop_on_success: contest.stop_on_success,
        cameras: contest.cameras.clone(),
        renderer: Default::default(),
        executor: executor.clone(),
        heavy: false,
    };
    let mut numbers = SubStream::new(&task.seed, "bench");
    let mut observation = [0.0; 39];
    let first = Observed { observation: &observation, state: &[], frames: &[] };
    let mut recorder = Recorder::new(header, first);
    for step in 0..STEPS {
        let sent: [f64; 4] = std::array::from_fn(|_| numbers.uniform(-1.0, 1.0));
        observation[0] = sent[0];
        recorder.step(StepInput {
            reply: &PolicyReply { answer: Ok(sent), latency_us: 1_000 + step, bytes: 80 },
            applied: PolicyProfile::KinitroV1.to_action(sent).unwrap_or(Action::ZERO),
            observed: Observed { observation: &observation, state: &sent, frames: &[] },
            reward: numbers.uniform(0.0, 10.0),
            success: step > 400,
            warnings: 0,
        });
    }
    recorder.finish(None)
}
