//! Transcripts made of pseudo-random numbers, for tests of the format.

use super::{Header, Observed, Recorder, StepInput, Transcript};
use crate::beacon::SubStream;
use crate::domain::{
    Action, BlockHash, BlockNumber, BlockRef, Claim, Contest, CycleId, Digest, Encoding, EngineFingerprint,
    EpisodeSeed, Fault, Hotkey, Miner, MissReason, PolicyProfile, PolicyReply, Uid,
};

/// A fingerprint that no engine has.
pub(crate) fn engine() -> EngineFingerprint {
    EngineFingerprint {
        mujoco_version: "3.17.0".into(),
        libmujoco: Digest([1; 32]),
        assets: Digest([2; 32]),
        task_code: 1,
        maths: "libm 0.2.16".into(),
        renderer: "none".into(),
        architecture: "x86_64".into(),
    }
}

/// A header of a cycle's episode.
pub(crate) fn header(heavy: bool) -> Header {
    let contest = Contest::default();
    Header {
        engine: engine(),
        contest: contest.digest(),
        environment: "metaworld/pick-place-v3".parse().unwrap(),
        index: 3,
        cycle: Some(CycleId(7)),
        anchor: Some(BlockRef { number: BlockNumber(1234), hash: BlockHash([3; 32]) }),
        seed: EpisodeSeed([4; 32]),
        randomisation: contest.randomisation,
        task_vector: vec![0.1, 0.6, 0.02, -0.05, 0.85, 0.2],
        miner: Some(Miner {
            hotkey: Hotkey([5; 32]),
            uid: Uid(9),
            claim: Claim {
                block: BlockNumber(1000),
                repo: "owner/policy".into(),
                revision: "0123456789012345678901234567890123456789".into(),
                deployment: "d".into(),
            },
        }),
        profile: PolicyProfile::KinitroV1,
        encoding: Some(Encoding::Json),
        limits: contest.limits,
        max_steps: contest.max_steps,
        stop_on_success: false,
        executor: "executor-1".parse().unwrap(),
        heavy,
    }
}

/// A transcript of `steps` steps whose numbers follow from `seed`.
pub(crate) fn transcript(seed: u8, steps: u32, heavy: bool, fault: Option<Fault>) -> Transcript {
    record(header(heavy), seed, steps, fault)
}

/// As [`transcript`], with a header of one's own.
pub(crate) fn record(header: Header, seed: u8, steps: u32, fault: Option<Fault>) -> Transcript {
    let mut numbers = SubStream::new(&EpisodeSeed([seed; 32]), "sample");
    let (mut observation, mut state) = ([0.0; 39], vec![0.0; 300]);
    let mut fill = |numbers: &mut SubStream| {
        observation.iter_mut().chain(&mut state).for_each(|value| *value = numbers.uniform(-1.0, 1.0));
        (observation, state.clone())
    };
    let (first, first_state) = fill(&mut numbers);
    let mut recorder = Recorder::new(header, Observed { observation: &first, state: &first_state, frames: &[] });
    for step in 0..steps {
        let sent: [f64; 4] = std::array::from_fn(|_| numbers.uniform(-1.0, 1.0));
        let missed = step % 11 == 10;
        let answer = if missed { Err(MissReason::ALL[step as usize % 5]) } else { Ok(sent) };
        let reply = PolicyReply { answer, latency_us: numbers.next_u64() as u32 % 20_000, bytes: 80 };
        let (observation, state) = fill(&mut numbers);
        recorder.step(StepInput {
            reply: &reply,
            applied: PolicyProfile::KinitroV1.to_action(sent).unwrap_or(Action::ZERO),
            observed: Observed { observation: &observation, state: &state, frames: &[] },
            reward: numbers.uniform(0.0, 10.0),
            success: step > 20 && step % 3 == 0,
            warnings: 0,
        });
    }
    recorder.finish(fault)
}
