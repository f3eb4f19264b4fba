//! `kinitro score` and `kinitro test-scoring` as a person and a script use them.

use assert_cmd::Command;
use serde_json::{Value, json};

fn run(args: &[&str], stdin: &str) -> (i32, String, String) {
    let output = Command::cargo_bin("kinitro").unwrap().args(args).write_stdin(stdin).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn example() -> Value {
    json!({
        "strategy": "first_commit",
        "episodes_per_env": 50,
        "temperature": 1.0,
        "environments": ["metaworld/reach-v3", "metaworld/push-v3", "metaworld/door-open-v3"],
        "miners": [
            {"uid": 4, "block": 1000,
             "rates": {"metaworld/reach-v3": 0.85, "metaworld/push-v3": 0.70, "metaworld/door-open-v3": 0.75}},
            {"uid": 5, "block": 2000,
             "rates": {"metaworld/reach-v3": 0.60, "metaworld/push-v3": 0.90, "metaworld/door-open-v3": 0.65}},
            {"uid": 6, "block": 3000,
             "rates": {"metaworld/reach-v3": 0.70, "metaworld/push-v3": 0.70, "metaworld/door-open-v3": 0.70}},
        ],
    })
}

#[test]
fn score_reads_a_file_or_standard_input_and_prints_the_same_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rates.json");
    std::fs::write(&path, example().to_string()).unwrap();
    let (status, from_file, _) = run(&["score", "--input", path.to_str().unwrap()], "");
    assert_eq!(status, 0);
    assert_eq!(run(&["score", "--input", "-"], &example().to_string()), (0, from_file.clone(), String::new()));
    let printed: Value = serde_json::from_str(&from_file).unwrap();
    assert_eq!(printed["points"], json!({"4": 11, "5": 1, "6": 0}));
    assert_eq!(printed["frontier"], json!([4, 5]));
    assert_eq!(printed["weights_u16"]["uids"], json!([4, 5, 6]));
    let sum: f64 = printed["weights"].as_object().unwrap().values().map(|weight| weight.as_f64().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-12);
}

#[test]
fn score_refuses_wrong_input_in_one_sentence() {
    let mut unknown = example();
    unknown["temprature"] = json!(2.0);
    let mut missing = example();
    missing["miners"][1]["rates"].as_object_mut().unwrap().remove("metaworld/push-v3");
    for (input, expected) in [
        (unknown.to_string(), "unknown field `temprature`"),
        (missing.to_string(), "miners[1].rates lacks \"metaworld/push-v3\""),
        (example().to_string().replace("0.9", "NaN"), "not what `kinitro score` takes"),
        (String::new(), "not what `kinitro score` takes"),
    ] {
        let (status, stdout, stderr) = run(&["score", "--input", "-"], &input);
        assert_eq!((status, stdout.as_str()), (1, ""));
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    let (status, _, stderr) = run(&["score", "--input", "missing.json"], "");
    assert_eq!((status, stderr.contains("cannot open the input missing.json")), (1, true), "{stderr}");
}

#[test]
fn test_scoring_shows_that_a_copy_earns_nothing() {
    let (status, stdout, _) = run(&["test-scoring", "--json", "--strategy", "first_commit", "--seed", "3"], "");
    let printed: Value = serde_json::from_str(&stdout).unwrap();
    let copy = printed["miners"].as_array().unwrap().last().unwrap();
    assert_eq!(status, 0);
    assert!(copy["kind"].as_str().unwrap().starts_with("copy of"));
    assert_eq!(printed["points"][copy["uid"].to_string()], 0);
    let (status, table, _) = run(&["test-scoring", "--miners", "12", "--envs", "20"], "");
    assert_eq!((status, table.contains('\u{1b}')), (0, false), "no escape codes in a pipe");
    assert!(table.contains("copy of"));
}

#[test]
fn test_scoring_names_numbers_out_of_range() {
    for (flag, value) in [("--miners", "0"), ("--envs", "65"), ("--episodes", "0"), ("--temperature", "0")] {
        let (status, _, stderr) = run(&["test-scoring", flag, value], "");
        assert_eq!(status, 1);
        assert!(stderr.contains(&flag[2..]), "{stderr}");
    }
}
