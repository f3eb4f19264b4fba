//! `kinitro beacon` as a person uses it.

use std::path::Path;

use assert_cmd::Command;
use kinitro::beacon::{Beacon, OperatorKey, cycle_seed, dev_output, episode_seed, policy_seed};
use kinitro::domain::*;
use kinitro::replay::{CycleManifest, SignedCycle, scores_of};
use kinitro::transcript::{MANIFEST_FORMAT, MANIFEST_VERSION, episodes_tree};

const GENESIS: BlockHash = BlockHash([8; 32]);
const ANCHOR: BlockRef = BlockRef { number: BlockNumber(1234), hash: BlockHash([3; 32]) };

fn kinitro(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("kinitro").unwrap().arg("beacon").args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// A published cycle in which nobody took part.
fn publish(path: &Path, change: impl FnOnce(&mut CycleManifest)) {
    let operator = OperatorKey::dev("operator");
    let contest = Contest::default();
    let engine = EngineFingerprint {
        mujoco_version: "3.17.0".into(),
        libmujoco: Digest([1; 32]),
        assets: Digest([2; 32]),
        task_code: 1,
        maths: "libm".into(),
        renderer: "none".into(),
        architecture: "x86_64".into(),
    };
    let mut manifest = CycleManifest {
        format: MANIFEST_FORMAT.into(),
        version: MANIFEST_VERSION,
        network: "test".into(),
        genesis: GENESIS,
        netuid: Netuid(2),
        cycle: CycleId(1),
        anchor: ANCHOR,
        beacon: Beacon::at(Some(&operator), &GENESIS, Netuid(2), &ANCHOR),
        contest_digest: contest.digest(),
        engine_digest: engine.digest(),
        engine,
        submissions: Vec::new(),
        episodes: Vec::new(),
        episodes_root: episodes_tree(&[]).root(),
        scores: scores_of(&contest, &[], &[]).unwrap(),
        contest,
        previous: Digest::ZERO,
        operator: operator.hotkey(),
    };
    change(&mut manifest);
    std::fs::write(path, SignedCycle::sign(manifest, &operator).unwrap().to_json()).unwrap();
}

#[test]
fn derive_prints_every_seed_down_to_the_policys() {
    let hash = BlockHash([9; 32]);
    let hotkey = OperatorKey::dev("miner").hotkey();
    let (status, stdout, _) = kinitro(&[
        "derive",
        "metaworld/reach-v3",
        "3",
        "--dev-hash",
        &hash.to_string(),
        "--cycle",
        "7",
        "--hotkey",
        &hotkey.to_string(),
        "--json",
    ]);
    let printed: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let cycle = cycle_seed(&dev_output(&hash), CycleId(7));
    let episode = episode_seed(&cycle, &"metaworld/reach-v3".parse().unwrap(), 3);
    assert_eq!(status, 0);
    assert_eq!(printed["cycle_seed"], cycle.to_hex());
    assert_eq!(printed["episode_seed"], episode.to_hex());
    assert_eq!(printed["policy_seed"], policy_seed(&episode, &hotkey).0);
}

#[test]
fn derive_asks_for_what_it_needs() {
    let (status, _, stderr) = kinitro(&["derive", "metaworld/reach-v3", "0", "--cycle", "7"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("--output"), "{stderr}");
    let (status, _, stderr) = kinitro(&["derive", "metaworld/reach-v3", "0", "--cycle", "7", "--output", "zz"]);
    assert_eq!(status, 2);
    assert!(stderr.contains("64 hexadecimal digits"), "{stderr}");
}

#[test]
fn show_prints_the_way_from_block_to_seed_uncut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.json");
    publish(&path, |_| ());
    let (status, stdout, _) = kinitro(&["show", path.to_str().unwrap()]);
    let operator = OperatorKey::dev("operator");
    let (output, _) = operator.vrf(&GENESIS, Netuid(2), &ANCHOR);
    assert_eq!(status, 0);
    for value in [operator.hotkey().to_string(), output.to_hex(), cycle_seed(&output, CycleId(1)).to_hex()] {
        assert!(stdout.contains(&value), "{value} is not in\n{stdout}");
    }
    assert!(!stdout.contains('…'));
}

#[test]
fn verify_tells_identical_from_different_and_says_what_was_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.json");
    publish(&path, |_| ());
    let file = path.to_str().unwrap();
    let (genesis, hash, other) = (GENESIS.to_string(), ANCHOR.hash.to_string(), BlockHash([4; 32]).to_string());
    let (status, stdout, _) = kinitro(&["verify", file, "--genesis", &genesis, "--anchor-hash", &hash]);
    assert_eq!((status, stdout.contains("identical"), stdout.contains("note")), (0, true, false), "{stdout}");
    let (status, stdout, _) = kinitro(&["verify", file]);
    assert_eq!((status, stdout.contains("was not compared")), (0, true), "{stdout}");
    for (flag, value, field) in [("--genesis", &other, "genesis"), ("--anchor-hash", &other, "anchor")] {
        let (status, stdout, _) = kinitro(&["verify", file, flag, value]);
        assert_eq!((status, stdout.contains(field)), (1, true), "{stdout}");
    }
    publish(&path, |manifest| manifest.beacon = Beacon::at(None, &GENESIS, Netuid(2), &ANCHOR));
    let (status, stdout, _) = kinitro(&["verify", file]);
    assert_eq!((status, stdout.contains("(dev)")), (0, true), "{stdout}");
    let borrowed = Beacon::at(Some(&OperatorKey::dev("operator")), &GENESIS, Netuid(3), &ANCHOR);
    publish(&path, |manifest| manifest.beacon = borrowed);
    let (status, stdout, _) = kinitro(&["verify", file]);
    assert_eq!((status, stdout.contains("beacon")), (1, true), "{stdout}");
}

#[test]
fn what_is_no_manifest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.json");
    std::fs::write(&path, "{}").unwrap();
    for target in [path.to_str().unwrap(), "missing.json"] {
        let (status, stdout, stderr) = kinitro(&["show", target]);
        assert_eq!((status, stdout.as_str()), (1, ""));
        assert!(stderr.contains(target), "{stderr}");
    }
}
