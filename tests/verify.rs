//! Verification of whole cycles on real physics: an honest one is identical, each lie is named.

mod cycle;

use std::collections::BTreeMap;

use cycle::{ANCHOR, GENESIS, contest, operator, play, play_contest};
use kinitro::beacon::Beacon;
use kinitro::domain::*;
use kinitro::replay::{
    Answer, ChainFacts, ClaimsOnChain, CycleManifest, Finding, Level, Report, Sample, check_manifest,
};
use kinitro::service::verifier::{VerifyOptions, verify_transcript};
use kinitro::sim::Simulator;
use kinitro::transcript::{SubmissionRow, Transcript, Verdict};

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
fn a_cycle_of_varied_worlds_verifies_and_another_randomisation_is_named() {
    let simulator = Simulator::locate(None).unwrap();
    let standard = || Contest { randomisation: Randomisation::Standard, ..contest() };
    let honest = play_contest(&simulator, standard(), |_| {});
    let options = VerifyOptions { heavy: true, ..VerifyOptions::default() };
    let report = honest.verify_with(Ok(&simulator), &ChainFacts::default(), &options);
    assert_eq!(report.answer, Answer::Identical, "{report:?}");
    let other = play(&simulator, |_| {});
    assert_ne!(honest.signed.manifest.episodes[0].replay_root, other.signed.manifest.episodes[0].replay_root);

    for (contest, claimed) in [(standard(), Randomisation::None), (contest(), Randomisation::Standard)] {
        let lie = play_contest(&simulator, contest, |header| header.randomisation = claimed);
        assert_eq!(first(&lie.verify(&simulator)), (Level::Structure, "randomisation".into()));
    }
    let renamed = honest.lie(|m| {
        m.contest.randomisation = Randomisation::None;
        m.contest_digest = m.contest.digest();
    });
    assert_eq!(first(&renamed.verify(&simulator)), (Level::Structure, "contest".into()));
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
        netuid: Some(Netuid(3)),
        public_beacon: Some(false),
        submissions: Some(on_chain(cycle.signed.manifest.submissions.clone())),
    };
    assert_eq!(verify(truth.clone()).answer, Answer::Identical);
    let field = |facts| first(&verify(facts)).1;
    let other = BlockHash([7; 32]);
    assert_eq!(field(ChainFacts { anchor_hash: Some(other), ..truth.clone() }), "hash of the anchor block");
    assert_eq!(field(ChainFacts { genesis: Some(other), ..truth.clone() }), "genesis hash");
    assert_eq!(field(ChainFacts { log: Some("{}".into()), ..truth.clone() }), "log on the chain");
    assert_eq!(field(ChainFacts { operator: Some(Hotkey([1; 32])), ..truth.clone() }), "operator");
    assert_eq!(field(ChainFacts { netuid: Some(Netuid(4)), ..truth }), "netuid");
}

fn on_chain(rows: Vec<SubmissionRow>) -> ClaimsOnChain {
    ClaimsOnChain { rows, ..ClaimsOnChain::default() }
}

/// One episode, and the manifest with everything that the chain could say against it.
fn quick() -> VerifyOptions {
    VerifyOptions { sample: Sample::Count(1), ..VerifyOptions::default() }
}

#[test]
fn a_miner_that_was_dropped_invented_or_refused_for_no_reason_is_named() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = play(&simulator, |_| {});
    let stated = cycle.signed.manifest.submissions.clone();
    let against = |submissions| {
        let facts = ChainFacts { submissions: Some(on_chain(submissions)), ..ChainFacts::default() };
        first(&cycle.verify_with(Ok(&simulator), &facts, &quick()))
    };
    let mut third = stated[1].clone();
    (third.uid, third.hotkey) = (Uid(3), Hotkey([3; 32]));
    assert_eq!(
        against([stated.clone(), vec![third]].concat()),
        (Level::Structure, "submission of uid 3".into()),
        "dropped"
    );
    assert_eq!(against(stated[..1].to_vec()).1, "submission of uid 2", "invented");
    let mut earlier = stated.clone();
    earlier[0].since = BlockNumber(1);
    assert_eq!(against(earlier).1, "submission of uid 1.since", "dated later than it is");
    let mut refused = stated.clone();
    refused[1].verdict = Verdict::Refused { reasons: vec!["repo_malformed".into()] };
    assert!(against(refused).1.starts_with("submission of uid 2"), "let in against the rules");
}

#[test]
fn a_beacon_that_everybody_can_compute_is_refused_where_seeds_are_secret() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = play(&simulator, |_| {}).lie(|m| m.beacon = Beacon::at(None, &m.genesis, m.netuid, &m.anchor));
    let facts = |public| ChainFacts { public_beacon: Some(public), ..ChainFacts::default() };
    let beacon = |public| cycle.verify_with(Ok(&simulator), &facts(public), &quick()).levels[1].findings[0].to_string();
    assert!(beacon(false).contains("beacon: expected the operator's VRF"), "{}", beacon(false));
    assert!(beacon(true).contains("episode seed"), "{}", beacon(true));
}

#[test]
fn a_manifest_must_follow_the_one_before_it_at_a_later_block() {
    let simulator = Simulator::locate(None).unwrap();
    let first_cycle = play(&simulator, |_| {});
    let check = |change: &dyn Fn(&mut CycleManifest)| {
        let second = first_cycle.lie(|m| {
            (m.cycle, m.previous) = (CycleId(2), first_cycle.signed.digest);
            (m.anchor.number, m.anchor.hash) = (BlockNumber(1240), BlockHash([4; 32]));
            change(m);
        });
        check_manifest(&second.signed, Some(&first_cycle.signed), &ChainFacts::default()).map(|f| f.to_string())
    };
    assert_eq!(check(&|_| {}), None);
    let reused = check(&|m| m.anchor = ANCHOR).unwrap();
    assert!(reused.contains("anchor: expected a block after 1234, the anchor of cycle 1, got 1234"), "{reused}");
    let dev = |m: &mut CycleManifest| (m.anchor, m.beacon) = (ANCHOR, Beacon::at(None, &GENESIS, m.netuid, &ANCHOR));
    assert_eq!(check(&dev), None, "a development chain may stand still");
    assert!(check(&|m| m.netuid = Netuid(4)).unwrap().contains("netuid"));
    assert!(check(&|m| m.previous = Digest([1; 32])).unwrap().contains("previous digest"));
}

#[test]
fn a_sample_of_nothing_is_no_verification() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = play(&simulator, |_| {});
    let options = VerifyOptions { sample: Sample::Count(0), ..VerifyOptions::default() };
    let report = cycle.verify_with(Ok(&simulator), &ChainFacts::default(), &options);
    assert_eq!(report.answer, Answer::CouldNotCheck, "{report:?}");
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
    assert_eq!(ours.compare(&theirs).answer, Answer::Identical);
    let other = theirs.lie(|m| m.episodes[1].replay_root = Some(Digest::ZERO));
    assert_eq!(first(&ours.compare(&other)), (Level::Physics, "replay_root".into()));
    let later = theirs.lie(|m| m.cycle = CycleId(2));
    assert_eq!(ours.compare(&later).answer, Answer::CouldNotCheck);
}
