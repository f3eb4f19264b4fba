//! Manifests: what is signed holds, and every way to change one is found.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::sample::{manifest, operator};
use super::*;
use crate::beacon::OperatorKey;
use crate::domain::{BlockNumber, Digest, Fault, FaultReason, Uid};

type Scores = BTreeMap<String, f64>;

fn signed() -> SignedManifest<Scores> {
    let scores = BTreeMap::from([("a".into(), 0.1), ("b".into(), 1.0 / 3.0), ("c".into(), 5e-324)]);
    SignedManifest::sign(manifest(scores).0, &operator()).unwrap()
}

#[test]
fn a_manifest_survives_its_file() {
    let original = signed();
    let read = SignedManifest::<Scores>::from_json(&original.to_json()).unwrap();
    assert_eq!(read, original);
    assert_eq!(read.verify(), Ok(()));
    let spaced = serde_json::to_vec_pretty(&original).unwrap();
    assert_eq!(SignedManifest::<Scores>::from_json(&spaced).unwrap().verify(), Ok(()));
}

#[test]
fn the_golden_manifest_keeps_its_digests() {
    let golden = signed();
    assert_eq!(golden.digest.to_string(), "5f9ef5b9a847b9a7aab0b6848f07d43af6b39f3a67fffd6c239391341075c742");
    assert_eq!(
        golden.manifest.episodes_root.to_string(),
        "cc5bf75468f8c2bb314264cdace7a20d521a14055c2fd5f4af234a67dd6461ae"
    );
}

/// What `sign` says to a manifest that `change` has touched.
fn refused(change: impl FnOnce(&mut Manifest<Scores>)) -> String {
    let mut manifest = signed().manifest;
    change(&mut manifest);
    SignedManifest::sign(manifest, &operator()).unwrap_err().to_string()
}

/// Touches the rows and makes the Merkle root follow, so that the rule behind it is what fails.
fn refused_rows(change: impl FnOnce(&mut Vec<EpisodeRow>)) -> String {
    refused(|manifest| {
        change(&mut manifest.episodes);
        manifest.episodes_root = episodes_tree(&manifest.episodes).root();
    })
}

#[test]
fn nothing_that_contradicts_itself_is_signed() {
    for (error, expected) in [
        (refused(|m| m.operator = OperatorKey::dev("other").hotkey()), "signs it"),
        (refused(|m| m.contest.max_steps = 41), "contest digest"),
        (refused(|m| m.engine.task_code = 2), "engine digest"),
        (refused(|m| m.episodes[0].steps = 1), "Merkle root"),
        (refused(|m| m.previous = Digest([1; 32])), "cycle 1"),
        (refused(|m| m.format = "other".into()), "format"),
        (refused(|m| m.version = 2), "version"),
        (refused(|m| m.anchor.number = BlockNumber(1 << 53)), "JSON"),
        (refused(|m| m.submissions.swap(0, 1)), "order"),
        (refused(|m| m.submissions[0].claim = None), "without a claim"),
        (refused(|m| m.submissions[0].since = BlockNumber(9999)), "younger"),
        (refused(|m| m.submissions[1].verdict = Verdict::Refused { reasons: vec![] }), "without a reason"),
        (refused(|m| m.submissions[1].hotkey = m.submissions[0].hotkey), "two submissions"),
        (refused(|m| m.scores.extend([("nan".into(), f64::NAN)])), "own JSON"),
        (refused_rows(|rows| rows.swap(0, 1)), "order"),
        (refused_rows(|rows| drop(rows.pop())), "number of episodes"),
        (refused_rows(|rows| rows[0].uid = Uid(2)), "not admitted"),
        (refused_rows(|rows| rows[0].hotkey = rows[1].hotkey), "another hotkey"),
        (refused_rows(|rows| rows[0].success = !rows[0].success), "outcome"),
        (refused_rows(|rows| rows[0].fault = Some(Fault::new(FaultReason::EpisodeTimeout))), "fault"),
        (refused_rows(|rows| rows[0].first_success_step = Some(1)), "succeeded"),
        (refused_rows(|rows| rows[0].replay_root = None), "half a transcript"),
        (refused_rows(|rows| (rows[0].transcript_id, rows[0].replay_root) = (None, None)), "no transcript"),
        (refused_rows(|rows| rows[7].index = 2), "no episode 2"),
    ] {
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn an_episode_that_the_platform_never_finished_may_stand_without_a_transcript() {
    let mut manifest = signed().manifest;
    let row = &mut manifest.episodes[3];
    let fault = Fault::new(FaultReason::ExecutorLost);
    *row = EpisodeRow::unfinished(row.environment.clone(), row.index, row.uid, row.hotkey, fault);
    manifest.episodes_root = episodes_tree(&manifest.episodes).root();
    assert_eq!(SignedManifest::sign(manifest, &operator()).unwrap().verify(), Ok(()));
}

#[test]
fn another_digest_or_signature_is_refused() {
    let mut changed = signed();
    changed.digest = Digest([1; 32]);
    assert!(changed.verify().unwrap_err().to_string().contains("digest"));
    let mut changed = signed();
    changed.signature = operator().sign(b"something else");
    assert!(changed.verify().unwrap_err().to_string().contains("signature"));
}

#[test]
fn foreign_json_and_other_versions_get_their_own_sentence() {
    let read = |json: &str| SignedManifest::<Scores>::from_json(json.as_bytes()).unwrap_err().to_string();
    assert!(read("").contains("not a kinitro manifest"));
    assert!(read("{}").contains("missing field `manifest`"));
    assert!(read(&"[".repeat(100_000)).contains("not a kinitro manifest"));
    let json = String::from_utf8(signed().to_json()).unwrap();
    assert!(read(&json.replace(r#""version":1"#, r#""version":2"#)).contains("newer"));
    assert!(read(&json.replace(r#""version":1"#, r#""version":0"#)).contains("older"));
    assert!(read(&json.replace("kinitro-manifest", "other")).contains("format"));
    assert!(read(&json.replace(r#""netuid":3"#, r#""netuid":3,"extra":1"#)).contains("unknown field `extra`"));
    assert!(read(&json.replace(r#""netuid":3"#, r#""netuid":3,"netuid":3"#)).contains("duplicate field"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_changed_byte_is_found_or_means_the_same(place: prop::sample::Index, value in 32u8..127) {
        let original = signed();
        let mut json = original.to_json();
        let place = place.index(json.len());
        json[place] = value;
        if let Ok(read) = SignedManifest::<Scores>::from_json(&json) {
            // Hexadecimal digits may be capitals; the value, and so the digest, is then the same.
            prop_assert!(read == original || read.verify().is_err());
        }
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        prop_assert!(SignedManifest::<Scores>::from_json(text.as_bytes()).is_err());
    }
}
