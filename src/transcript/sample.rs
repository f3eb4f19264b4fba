//! Transcripts made of pseudo-random numbers, for tests of the format.

use super::{
    EpisodeRow, Header, MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, Observed, Recorder, StepInput, SubmissionRow,
    Transcript, Verdict, episodes_tree,
};
use crate::beacon::{Beacon, OperatorKey, SubStream, cycle_seed, episode_seed};
use crate::domain::{
    Action, BlockHash, BlockNumber, BlockRef, Claim, Contest, CycleId, Digest, Encoding, EngineFingerprint,
    EpisodeSeed, Fault, Hotkey, Miner, MissReason, Netuid, PolicyProfile, PolicyReply, Uid,
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
    let contest = Contest { cameras: Vec::new(), ..Contest::default() };
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
        cameras: contest.cameras,
        renderer: Default::default(),
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
    let frames = vec![Digest([seed; 32]); header.cameras.len()];
    let mut recorder = Recorder::new(header, Observed { observation: &first, state: &first_state, frames: &frames });
    for step in 0..steps {
        let sent: [f64; 4] = std::array::from_fn(|_| numbers.uniform(-1.0, 1.0));
        let missed = step % 11 == 10;
        let answer = if missed { Err(MissReason::ALL[step as usize % 5]) } else { Ok(sent) };
        let reply = PolicyReply { answer, latency_us: numbers.next_u64() as u32 % 20_000, bytes: 80 };
        let (observation, state) = fill(&mut numbers);
        recorder.step(StepInput {
            reply: &reply,
            applied: PolicyProfile::KinitroV1.to_action(sent).unwrap_or(Action::ZERO),
            observed: Observed { observation: &observation, state: &state, frames: &frames },
            reward: numbers.uniform(0.0, 10.0),
            success: step > 20 && step % 3 == 0,
            warnings: 0,
        });
    }
    recorder.finish(fault)
}

/// The key that signs [`manifest`].
pub(crate) fn operator() -> OperatorKey {
    OperatorKey::dev("sample operator")
}

/// A manifest of two admitted miners and a refused one, two environments with two episodes each, and the transcripts that it names. No
/// engine replays them: their numbers are made up.
pub(crate) fn manifest<S>(scores: S) -> (Manifest<S>, Vec<Transcript>) {
    let contest = Contest {
        environments: ["metaworld/reach-v3", "metaworld/push-v3"].map(|id| id.parse().unwrap()).to_vec(),
        episodes_per_env: 2,
        max_steps: 40,
        cameras: Vec::new(),
        ..Contest::default()
    };
    let (genesis, netuid) = (BlockHash([8; 32]), Netuid(3));
    let anchor = BlockRef { number: BlockNumber(1234), hash: BlockHash([3; 32]) };
    let beacon = Beacon::at(Some(&operator()), &genesis, netuid, &anchor);
    let claim = |uid: u16| Claim {
        block: BlockNumber(1000 + u64::from(uid)),
        repo: format!("owner/policy-{uid}"),
        revision: "0123456789012345678901234567890123456789".into(),
        deployment: "d".into(),
    };
    let submission = |uid: u16, verdict| SubmissionRow {
        uid: Uid(uid),
        hotkey: Hotkey([uid as u8; 32]),
        claim: Some(claim(uid)),
        since: BlockNumber(1000 + u64::from(uid)),
        verdict,
        weights: None,
    };
    let submissions = vec![
        submission(1, Verdict::Admitted),
        submission(2, Verdict::Refused { reasons: vec!["duplicate".into()] }),
        submission(5, Verdict::Admitted),
    ];
    let seed = cycle_seed(beacon.output(), CycleId(1));
    let mut transcripts = Vec::new();
    for environment in &contest.environments {
        for index in 0..contest.episodes_per_env {
            for row in submissions.iter().filter(|row| row.is_admitted()) {
                let header = Header {
                    contest: contest.digest(),
                    environment: environment.clone(),
                    index,
                    cycle: Some(CycleId(1)),
                    anchor: Some(anchor),
                    seed: episode_seed(&seed, environment, index),
                    miner: Some(Miner { hotkey: row.hotkey, uid: row.uid, claim: row.claim.clone().unwrap() }),
                    max_steps: contest.max_steps,
                    ..header(false)
                };
                transcripts.push(record(header, row.uid.0 as u8, 10 * row.uid.0 as u32 - 10, None));
            }
        }
    }
    let mut episodes: Vec<EpisodeRow> =
        transcripts.iter().map(|transcript| EpisodeRow::of(transcript).unwrap()).collect();
    episodes.sort_by(|a, b| a.key().cmp(&b.key()));
    let manifest = Manifest {
        format: MANIFEST_FORMAT.into(),
        version: MANIFEST_VERSION,
        network: "dev".into(),
        genesis,
        netuid,
        cycle: CycleId(1),
        anchor,
        beacon,
        contest_digest: contest.digest(),
        contest,
        engine: engine(),
        engine_digest: engine().digest(),
        submissions,
        episodes_root: episodes_tree(&episodes).root(),
        episodes,
        scores,
        previous: Digest::ZERO,
        operator: operator().hotkey(),
    };
    (manifest, transcripts)
}
