//! Verification of whole cycles on real physics: an honest one is identical, each lie is named.

use std::collections::BTreeMap;

use kinitro::beacon::{Beacon, OperatorKey, cycle_seed, episode_seed};
use kinitro::domain::*;
use kinitro::episode::{EpisodeRules, Rollout, Turn};
use kinitro::replay::{Answer, ChainFacts, Finding, Level, Report, Sample, SignedCycle, compare, scores_of};
use kinitro::service::verifier::{Subject, VerifyOptions, verify_cycle, verify_transcript};
use kinitro::sim::Simulator;
use kinitro::transcript::{
    EpisodeRow, Header, MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, SignedManifest, SubmissionRow, Transcript,
    Verdict, episodes_tree,
};

const STEPS: u32 = 12;
const GENESIS: BlockHash = BlockHash([8; 32]);
const ANCHOR: BlockRef = BlockRef { number: BlockNumber(1234), hash: BlockHash([3; 32]) };

fn operator() -> OperatorKey {
    OperatorKey::dev("operator of the test")
}

/// A published cycle with its transcripts, and where lies are put into it.
struct Cycle {
    signed: SignedCycle,
    transcripts: BTreeMap<Digest, Vec<u8>>,
}

fn contest() -> Contest {
    Contest {
        environments: vec!["metaworld/reach-v3".parse().unwrap()],
        episodes_per_env: 3,
        max_steps: STEPS,
        ..Contest::default()
    }
}

fn submission(uid: u16) -> SubmissionRow {
    let claim = Claim {
        block: BlockNumber(1000 + u64::from(uid)),
        repo: format!("owner/policy-{uid}"),
        revision: "0123456789012345678901234567890123456789".into(),
        deployment: "d".into(),
    };
    let since = claim.block;
    SubmissionRow {
        uid: Uid(uid),
        hotkey: Hotkey([uid as u8; 32]),
        claim: Some(claim),
        since,
        verdict: Verdict::Admitted,
    }
}

fn episode(simulator: &Simulator, header: Header) -> Transcript {
    let world = simulator.episode(&header.environment, &header.seed, header.randomisation).unwrap();
    let header = Header { task_vector: world.task_vector().to_vec(), ..header };
    let push = f64::from(header.miner.as_ref().unwrap().uid.0) / 10.0;
    let mut rollout = Rollout::start(world, header, EpisodeRules::of(&contest(), PolicyProfile::KinitroV1));
    let reply = PolicyReply { answer: Ok([push, 0.5, -push, 1.0]), latency_us: 900, bytes: 40 };
    while rollout.step(&reply) != Turn::Over {}
    rollout.finish()
}

/// Plays and signs a cycle; `forge` may touch each header before it is recorded.
fn play(simulator: &Simulator, forge: impl Fn(&mut Header)) -> Cycle {
    let contest = contest();
    let beacon = Beacon::at(Some(&operator()), &GENESIS, Netuid(3), &ANCHOR);
    let seed = cycle_seed(beacon.output(), CycleId(1));
    let submissions = vec![submission(1), submission(2)];
    let (mut rows, mut transcripts) = (Vec::new(), BTreeMap::new());
    for (environment, index) in
        contest.environments.iter().flat_map(|e| (0..contest.episodes_per_env).map(move |i| (e, i)))
    {
        for miner in &submissions {
            let mut header = Header {
                engine: simulator.fingerprint().clone(),
                contest: contest.digest(),
                environment: environment.clone(),
                index,
                cycle: Some(CycleId(1)),
                anchor: Some(ANCHOR),
                seed: episode_seed(&seed, environment, index),
                randomisation: contest.randomisation,
                task_vector: vec![],
                miner: Some(Miner { hotkey: miner.hotkey, uid: miner.uid, claim: miner.claim.clone().unwrap() }),
                profile: PolicyProfile::KinitroV1,
                encoding: Some(Encoding::Json),
                limits: contest.limits.clone(),
                max_steps: contest.max_steps,
                stop_on_success: contest.stop_on_success,
                executor: "test".parse().unwrap(),
                heavy: false,
            };
            forge(&mut header);
            let transcript = episode(simulator, header);
            rows.push(EpisodeRow::of(&transcript).unwrap());
            transcripts.insert(transcript.id(), transcript.to_bytes().unwrap());
        }
    }
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    let manifest = Manifest {
        format: MANIFEST_FORMAT.into(),
        version: MANIFEST_VERSION,
        network: "dev".into(),
        genesis: GENESIS,
        netuid: Netuid(3),
        cycle: CycleId(1),
        anchor: ANCHOR,
        beacon,
        contest_digest: contest.digest(),
        engine: simulator.fingerprint().clone(),
        engine_digest: simulator.fingerprint().digest(),
        episodes_root: episodes_tree(&rows).root(),
        scores: scores_of(&contest, &submissions, &rows).unwrap(),
        contest,
        submissions,
        episodes: rows,
        previous: Digest::ZERO,
        operator: operator().hotkey(),
    };
    Cycle { signed: SignedManifest::sign(manifest, &operator()).unwrap(), transcripts }
}

impl Cycle {
    /// Signs again after a lie; the operator is the liar.
    fn lie(&self, change: impl FnOnce(&mut kinitro::replay::CycleManifest)) -> Cycle {
        let mut manifest = self.signed.manifest.clone();
        change(&mut manifest);
        manifest.episodes_root = episodes_tree(&manifest.episodes).root();
        Cycle { signed: SignedManifest::sign(manifest, &operator()).unwrap(), transcripts: self.transcripts.clone() }
    }

    fn verify_with(
        &self,
        simulator: Result<&Simulator, String>,
        facts: &ChainFacts,
        options: &VerifyOptions,
    ) -> Report {
        let source = |row: &EpisodeRow| {
            let id = row.transcript_id.ok_or("no id")?;
            self.transcripts.get(&id).cloned().ok_or_else(|| "the server does not have it".to_owned())
        };
        let subject = Subject { signed: &self.signed, previous: None, facts, transcripts: &source, simulator };
        verify_cycle(&subject, options, &|_, _| {})
    }

    fn verify(&self, simulator: &Simulator) -> Report {
        self.verify_with(Ok(simulator), &ChainFacts::default(), &VerifyOptions::default())
    }
}

/// Level and field of the first difference.
fn first(report: &Report) -> (Level, String) {
    assert_eq!(report.answer, Answer::Differs, "{report:?}");
    match report.first_finding().unwrap() {
        (level, Finding::Differs { difference, .. }) => (level, difference.field.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_honest_cycle_is_identical_at_every_level() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = play(&simulator, |_| {});
    let report = cycle.verify(&simulator);
    assert_eq!(report.answer, Answer::Identical, "{report:?}");
    let checked: Vec<_> = report.levels.iter().map(|level| (level.level, level.checked)).collect();
    let expected =
        [(Level::Structure, 7), (Level::Seeds, 7), (Level::Physics, 6), (Level::Frames, 0), (Level::Scores, 1)];
    assert_eq!(checked, expected);
    let heavy = VerifyOptions { heavy: true, sample: Sample::Count(2), ..VerifyOptions::default() };
    let report = cycle.verify_with(Ok(&simulator), &ChainFacts::default(), &heavy);
    assert_eq!(report.answer, Answer::Identical);
    assert_eq!(report.levels[2].checked, 2);
}

#[test]
fn each_lie_of_an_operator_is_named() {
    let simulator = Simulator::locate(None).unwrap();
    let honest = play(&simulator, |_| {});

    let row = honest.lie(|m| m.episodes[2].reward = Some(1e6));
    assert_eq!(first(&row.verify(&simulator)), (Level::Structure, "row.reward".into()));

    let weights = honest.lie(|m| m.scores.standing.weights = BTreeMap::from([(Uid(1), 1.0)]));
    assert_eq!(first(&weights.verify(&simulator)), (Level::Scores, "scores.standing.weights.1".into()));

    let swapped = honest.lie(|m| {
        let (a, b) = (m.episodes[0].transcript_id, m.episodes[1].transcript_id);
        (m.episodes[0].transcript_id, m.episodes[1].transcript_id) = (b, a);
    });
    assert_eq!(first(&swapped.verify(&simulator)).0, Level::Structure);

    let beacon = honest.lie(|m| m.anchor.hash = BlockHash([9; 32]));
    assert_eq!(beacon.verify(&simulator).levels[1].differs, 1);

    let chosen = play(&simulator, |header| header.seed = EpisodeSeed([1; 32]));
    assert_eq!(first(&chosen.verify(&simulator)), (Level::Seeds, "episode seed".into()));

    let settings = play(&simulator, |header| header.limits.act_timeout_ms = 1);
    assert_eq!(first(&settings.verify(&simulator)), (Level::Structure, "contest".into()));

    let engine = play(&simulator, |header| header.engine.task_code += 1);
    assert_eq!(first(&engine.verify(&simulator)), (Level::Structure, "engine.task_code".into()));
}

#[test]
fn a_changed_transcript_is_found_and_a_missing_one_could_not_be_checked() {
    let simulator = Simulator::locate(None).unwrap();
    let mut cycle = play(&simulator, |_| {});
    let id = cycle.signed.manifest.episodes[4].transcript_id.unwrap();
    let other = cycle.transcripts[&cycle.signed.manifest.episodes[0].transcript_id.unwrap()].clone();
    cycle.transcripts.insert(id, other);
    let report = cycle.verify(&simulator);
    assert_eq!(first(&report), (Level::Structure, "transcript_id".into()));
    assert!(report.first_finding().unwrap().1.to_string().contains("episode 2 of metaworld/reach-v3 by uid 1"));

    cycle.transcripts.remove(&id);
    let report = cycle.verify(&simulator);
    assert_eq!(report.answer, Answer::CouldNotCheck);
    assert_eq!(report.levels[0].unchecked, 1);
    assert_eq!(report.levels[2].checked, 5);
}

#[test]
fn the_chains_word_is_compared_when_it_is_known() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = play(&simulator, |_| {});
    let options = VerifyOptions { sample: Sample::Count(1), ..VerifyOptions::default() };
    let verify = |facts: ChainFacts| cycle.verify_with(Ok(&simulator), &facts, &options);
    let log = kinitro::transcript::log_commitment(CycleId(1), &cycle.signed.digest);
    let truth = ChainFacts {
        genesis: Some(GENESIS),
        anchor_hash: Some(ANCHOR.hash),
        log: Some(log),
        operator: Some(operator().hotkey()),
    };
    assert_eq!(verify(truth.clone()).answer, Answer::Identical);
    let field = |facts| first(&verify(facts)).1;
    let other = BlockHash([7; 32]);
    assert_eq!(field(ChainFacts { anchor_hash: Some(other), ..truth.clone() }), "hash of the anchor block");
    assert_eq!(field(ChainFacts { genesis: Some(other), ..truth.clone() }), "genesis hash");
    assert_eq!(field(ChainFacts { log: Some("{}".into()), ..truth.clone() }), "log on the chain");
    assert_eq!(field(ChainFacts { operator: Some(Hotkey([1; 32])), ..truth }), "operator");
}

#[test]
fn without_an_engine_everything_else_is_still_checked() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = play(&simulator, |_| {});
    let report = cycle.verify_with(Err("no assets".into()), &ChainFacts::default(), &VerifyOptions::default());
    assert_eq!(report.answer, Answer::CouldNotCheck);
    assert_eq!(report.levels[2].unchecked, 6);
    let only = VerifyOptions { levels: [Level::Scores].into(), ..VerifyOptions::default() };
    assert_eq!(cycle.verify_with(Err("no assets".into()), &ChainFacts::default(), &only).answer, Answer::Identical);
}

#[test]
fn one_transcript_by_itself_is_replayed() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = play(&simulator, |_| {});
    let bytes = cycle.transcripts.values().next().unwrap();
    let options = VerifyOptions::default();
    assert_eq!(verify_transcript(bytes, Ok(&simulator), &options).answer, Answer::Identical);
    let mut changed = Transcript::from_bytes(bytes).unwrap().body().to_vec();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let changed = zstd::bulk::compress(&changed, 1).unwrap();
    assert_eq!(verify_transcript(&changed, Ok(&simulator), &options).answer, Answer::Differs);
    assert_eq!(verify_transcript(b"not a transcript", Ok(&simulator), &options).answer, Answer::CouldNotCheck);
}

#[test]
fn two_operators_with_the_same_worlds_are_compared_episode_by_episode() {
    let simulator = Simulator::locate(None).unwrap();
    let ours = play(&simulator, |_| {});
    let theirs = play(&simulator, |header| header.executor = "elsewhere".parse().unwrap());
    assert_ne!(ours.signed.digest, theirs.signed.digest);
    assert_eq!(compare(&ours.signed.manifest, &theirs.signed.manifest).answer, Answer::Identical);
    let other = theirs.lie(|m| m.episodes[1].replay_root = Some(Digest::ZERO));
    assert_eq!(first(&compare(&ours.signed.manifest, &other.signed.manifest)), (Level::Physics, "replay_root".into()));
    let mut later = theirs.signed.manifest.clone();
    later.cycle = CycleId(2);
    assert_eq!(compare(&ours.signed.manifest, &later).answer, Answer::CouldNotCheck);
}
