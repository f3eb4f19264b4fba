//! `kinitro env rollout`, as scripts use it.

use assert_cmd::Command;
use serde_json::Value;

const REACH: &[&str] = &["metaworld/reach-v3", "--task-vector", "-0.05,0.65,0.02,0.05,0.85,0.2"];

fn rollout(arguments: &[&str], actions: &str) -> std::process::Output {
    let mut command = Command::cargo_bin("kinitro").unwrap();
    command.args(["env", "rollout"]).args(arguments).write_stdin(actions).output().unwrap()
}

fn lines(arguments: &[&str], actions: &str) -> Vec<Value> {
    let output = rollout(arguments, actions);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn complaint(arguments: &[&str], actions: &str) -> String {
    let output = rollout(arguments, actions);
    assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?} was accepted");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_step_is_a_line_and_hexadecimal_numbers_are_the_same_bits() {
    let actions = "[0.5, 0, -1.5, 1]\n[0, 0, 0, -1]\n";
    let plain = lines(&[REACH, &["--actions", "-"]].concat(), actions);
    let hex = lines(&[REACH, &["--actions", "-", "--hex"]].concat(), actions);
    assert_eq!((plain.len(), hex.len()), (3, 3));
    for (step, (plain, hex)) in plain.iter().zip(&hex).enumerate() {
        assert_eq!(plain["step"], step);
        assert_eq!(plain["obs"].as_array().unwrap().len(), 39);
        for field in ["reward", "success", "near_object", "grasp_success", "grasp_reward", "in_place_reward"] {
            assert_bits(&plain[field], &hex[field]);
        }
        for field in ["obs", "qpos", "qvel", "mocap_pos"] {
            let (plain, hex) = (plain[field].as_array().unwrap(), hex[field].as_array().unwrap());
            assert_eq!(plain.len(), hex.len(), "{field}");
            plain.iter().zip(hex).for_each(|(plain, hex)| assert_bits(plain, hex));
        }
    }
}

fn assert_bits(plain: &Value, hex: &Value) {
    assert_eq!(hex, &format!("{:016x}", plain.as_f64().unwrap().to_bits()));
}

#[test]
fn the_goal_is_shown_only_on_request_and_the_expert_reaches_it_either_way() {
    let hidden = lines(&[REACH, &["--expert"]].concat(), "");
    let shown = lines(&[REACH, &["--expert", "--show-goal"]].concat(), "");
    assert_eq!(hidden.len(), 501);
    assert_eq!(hidden[500]["obs"][38], 0.0);
    assert_eq!(shown[500]["obs"][38], 0.2);
    assert_eq!(hidden[500]["qpos"], shown[500]["qpos"]);
    assert_eq!(shown[500]["success"], 1.0);
}

#[test]
fn bad_input_gets_one_sentence_and_no_output() {
    let expert = |env, vector| complaint(&[env, "--task-vector", vector, "--expert"], "");
    assert!(expert("metaworld/chess-v3", "0").contains("there is no environment metaworld/chess-v3"));
    assert!(expert("metaworld/reach-v3", "0,1").contains("takes a task vector of 6 numbers, not 2"));
    assert!(expert("metaworld/reach-v3", "0,0.65,nan,0,0.85,0.2").contains("is NaN"));
    assert!(expert("metaworld/reach-v3", "0,0.65,,0,0.85,0.2").contains("is no number"));

    let acting = |actions| complaint(&[REACH, &["--actions", "-"]].concat(), actions);
    assert!(acting("[0,0,0,0]\n[0,0,0]\n").contains("line 2 of standard input: \"[0,0,0]\" is no action"));
    assert!(acting(&"[0,0,0,0]\n".repeat(501)).contains("more than 500 actions"));
    let short = complaint(&[REACH, &["--actions", "-", "--steps", "2"]].concat(), "[0,0,0,0]");
    assert!(short.contains("has 1 actions, but --steps asks for 2"), "{short}");
    assert!(complaint(&[REACH, &["--actions", "/no/such/file"]].concat(), "").contains("cannot be read"));
}
