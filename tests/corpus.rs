//! An expert's episodes in every environment, played by `kinitro env corpus`: the recorded bits on any CPU and on any
//! number of threads. `make identical` plays the same on other CPUs and C libraries.

mod support_cpu;

use std::collections::BTreeMap;
use std::process::Command;

use kinitro::domain::Digest;
use serde_json::{Value, json};

/// What the command printed when it was recorded.
const RECORDED: &str = include_str!("golden/corpus.json");

/// How to record anew what was changed on purpose.
const RECORD: &str = "see \"When a bit changes\" in docs/determinism.md; then record what is computed now:\n  \
    make build && target/release/kinitro env corpus --json > tests/golden/corpus.json";

fn kinitro(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kinitro"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

fn played(command: Command) -> Value {
    serde_json::from_str(&support_cpu::output_of(command)).unwrap()
}

fn recorded() -> Value {
    serde_json::from_str(RECORDED).unwrap()
}

/// Digests of a part (`replay_roots` or `pictures`) by `environment randomisation`.
fn digests(corpus: &Value, part: &str) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    for (environment, of_each) in corpus[part].as_object().unwrap() {
        for (randomisation, digest) in of_each.as_object().unwrap() {
            digests.insert(format!("{environment} {randomisation}"), digest.as_str().unwrap().to_owned());
        }
    }
    digests
}

/// Digests of the parts.
const PARTS: [&str; 2] = ["replay_roots", "pictures"];

/// A sentence for each thing that is not as recorded.
fn differences(recorded: &Value, played: &Value, parts: &[&str]) -> Vec<String> {
    let mut sentences = Vec::new();
    for part in ["engine", "steps"] {
        if recorded[part] != played[part] {
            sentences.push(format!("{part}: recorded {}, now {}", recorded[part], played[part]));
        }
    }
    for part in parts {
        let (before, now) = (digests(recorded, part), digests(played, part));
        for (episode, digest) in &now {
            match before.get(episode) {
                None => sentences.push(format!("{part} of {episode}: not recorded yet")),
                Some(old) if old != digest => {
                    sentences.push(format!("{part} of {episode}: recorded {old}, now {digest}"))
                }
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|episode| !now.contains_key(*episode));
        sentences.extend(gone.map(|episode| format!("{part} of {episode}: recorded, but there are none now")));
    }
    sentences
}

#[track_caller]
fn assert_as_recorded(command: Command, parts: &[&str]) {
    let differences = differences(&recorded(), &played(command), parts);
    assert!(differences.is_empty(), "other bits than recorded:\n{}\n{RECORD}", differences.join("\n"));
}

#[test]
fn every_environment_has_the_recorded_bits() {
    assert_as_recorded(kinitro(&["env", "corpus", "--json", "--threads", "2"]), &PARTS);
}

#[test]
fn one_thread_gives_the_same_bits() {
    let arguments = ["env", "corpus", "--json", "--no-pictures", "--threads", "1"];
    assert_as_recorded(kinitro(&arguments), &["replay_roots"]);
}

#[test]
fn a_cpu_without_fma_gives_the_same_bits() {
    let arguments = ["env", "corpus", "--json", "--no-pictures"];
    assert_as_recorded(support_cpu::hide_fma(kinitro(&arguments)), &["replay_roots"]);
}

#[test]
fn so_do_its_pictures_on_one_thread() {
    let drawn = ["metaworld/pick-place-v3", "metaworld/door-open-v3"];
    let played = played(support_cpu::hide_fma(kinitro(&[
        "env",
        "corpus",
        "--json",
        "--envs",
        &drawn.join(","),
        "--threads",
        "1",
    ])));
    for environment in drawn {
        assert_eq!(played["pictures"][environment], recorded()["pictures"][environment], "{environment}");
    }
}

#[test]
fn what_is_missing_changed_or_gone_is_named() {
    let recorded = recorded();
    let mut played = recorded.clone();
    assert_eq!(differences(&recorded, &played, &PARTS), Vec::<String>::new());
    let roots = &mut played["replay_roots"];
    roots["metaworld/new-v3"] = json!({ "none": "00" });
    roots["metaworld/push-v3"]["standard"] = "11".into();
    roots["metaworld/reach-v3"].as_object_mut().unwrap().remove("none");
    played["pictures"]["metaworld/hammer-v3"]["none"] = "22".into();
    played["engine"]["task_code"] = 1_000.into();
    let named = differences(&recorded, &played, &PARTS);
    assert_eq!(named.len(), 5, "{named:?}");
    assert!(named[0].starts_with("engine: recorded {") && named[0].contains("1000"), "{}", named[0]);
    assert_eq!(named[1], "replay_roots of metaworld/new-v3 none: not recorded yet");
    assert!(named[2].starts_with("replay_roots of metaworld/push-v3 standard: recorded "), "{}", named[2]);
    assert_eq!(named[3], "replay_roots of metaworld/reach-v3 none: recorded, but there are none now");
    assert!(named[4].starts_with("pictures of metaworld/hammer-v3 none: recorded "), "{}", named[4]);
}

#[test]
fn the_digest_is_of_sorted_lines_and_a_part_keeps_its_digests() {
    let named = "metaworld/reach-v3,metaworld/door-open-v3";
    let part = played(kinitro(&["env", "corpus", "--json", "--envs", named]));
    let [roots, pictures] = PARTS.map(|of| {
        let mut expected = digests(&recorded(), of);
        expected.retain(|episode, _| named.split(',').any(|name| episode.starts_with(name)));
        assert_eq!(digests(&part, of), expected);
        expected
    });
    let lines: String =
        roots.iter().map(|(episode, root)| format!("{episode} {root} {}\n", pictures[episode])).collect();
    assert_eq!(part["digest"], Digest::of(lines.as_bytes()).to_string());
}

#[test]
fn its_episodes_are_those_that_test_env_records() {
    let reach = "metaworld/reach-v3";
    let corpus = played(kinitro(&["env", "corpus", "--json", "--steps", "500", "--envs", reach]));
    for name in ["none", "standard"] {
        let episodes = played(kinitro(&["test-env", reach, "--episodes", "1", "--randomisation", name, "--json"]));
        assert_eq!(corpus["replay_roots"][reach][name], episodes[0]["replay_root"], "{corpus} {episodes}");
    }
}
