//! `kinitro bench`, as scripts use it. What is measured depends on the machine; that it is measured, and what follows from
//! the worlds alone, does not.

use assert_cmd::Command;
use serde_json::Value;

fn bench(arguments: &[&str]) -> std::process::Output {
    Command::cargo_bin("kinitro").unwrap().arg("bench").args(arguments).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = bench(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn experts_are_counted_per_environment_and_in_total() {
    let envs = "metaworld/reach-v3,metaworld/drawer-close-v3";
    let counted = json(&["experts", "--seeds", "2", "--envs", envs]);
    let names: Vec<_> = counted.as_array().unwrap().iter().map(|under| &under["randomisation"]).collect();
    assert_eq!(names, ["none", "standard"]);
    let under = &counted[0];
    let environments = under["environments"].as_array().unwrap();
    let ids: Vec<_> = environments.iter().map(|row| row["env_id"].as_str().unwrap()).collect();
    assert_eq!(ids.join(","), envs, "in the order that was asked for");
    for row in environments {
        assert_eq!((&row["episodes"], &row["successes"]), (&2.into(), &2.into()), "{row}");
        assert!(row["mean_first_success_step"].as_f64().unwrap() > 1.0, "{row}");
    }
    assert_eq!((&under["total"]["episodes"], &under["met"]), (&4.into(), &true.into()));
    assert_eq!(counted, json(&["experts", "--seeds", "2", "--envs", envs]), "the same worlds and actions every time");
}

#[test]
fn both_encodings_of_two_pictures_are_measured() {
    let figures = json(&["wire"]);
    let encodings: Vec<_> = figures.as_array().unwrap().iter().map(|row| row["encoding"].as_str().unwrap()).collect();
    assert_eq!(encodings, ["json", "msgpack"]);
    let bytes = |place: usize| figures[place]["bytes"].as_u64().unwrap();
    // Raw bytes and a few words around them; digits and commas are at least twice and at most five times as many.
    assert!((42_336..42_600).contains(&bytes(1)), "{figures}");
    assert!((84_672..211_680).contains(&bytes(0)), "{figures}");
    for row in figures.as_array().unwrap() {
        let (took, bar) = (row["encode_ms"].as_f64().unwrap(), row["bar_ms"].as_f64().unwrap());
        assert!(took > 0.0 && row["met"] == (took <= bar), "{row}");
    }
}

#[test]
fn steps_are_measured_for_each_environment_that_is_named() {
    let envs = ["metaworld/reach-v3", "metaworld/door-open-v3"];
    let quick = ["--steps-only", "--seconds", "0.05", "--rounds", "1"];
    let figures = json(&[&["sim", &envs.join(",")][..], &quick].concat());
    assert!(figures.get("memory").is_none(), "{figures}");
    let rows = figures["environments"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["env_id"].as_str().unwrap()).collect::<Vec<_>>(), envs);
    for row in rows {
        for rate in ["steps_per_s_one_thread", "bare_physics_per_s"] {
            assert!(row[rate].as_f64().unwrap() > 0.0, "{row}");
        }
        assert!(row.get("reset_us").is_none(), "{row}");
    }
}

#[test]
fn pictures_are_measured_for_each_camera_and_size() {
    let quick = ["camera", "--rates-only", "--seconds", "0.01", "--rounds", "1"];
    let figures = json(&[&quick[..], &["--cameras", "topview,corner", "--sizes", "8,16"]].concat());
    let rates = figures["rates"].as_array().unwrap();
    let drawn: Vec<_> =
        rates.iter().map(|rate| format!("{} {}", rate["camera"].as_str().unwrap(), rate["size"])).collect();
    assert_eq!(drawn, ["topview 8", "topview 16", "corner 8", "corner 16"]);
    assert!(rates.iter().all(|rate| rate["frames_per_s"].as_f64().unwrap() > 0.0), "{figures}");
    assert_eq!(figures["moments"].as_array().unwrap().len(), 25);
    assert!(figures.get("record_s").is_none() && !figures["task_vector"].as_array().unwrap().is_empty(), "{figures}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_what_to_do() {
    let refused = |arguments: &[&str]| {
        let output = bench(arguments);
        assert!(!output.status.success() && output.stdout.is_empty(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["experts", "--envs", "metaworld/juggle-v3"]).contains("kinitro list-envs"));
    assert!(refused(&["experts", "--envs", "metaworld/reach-v3,metaworld/reach-v3"]).contains("stands twice"));
    assert!(refused(&["experts", "--seeds", "0"]).contains("--seeds"));
    assert!(refused(&["experts", "--randomisation", "wild"]).contains("none"));
    assert!(refused(&["sim", "metaworld/juggle-v3"]).contains("kinitro list-envs"));
    assert!(refused(&["sim", "--seconds", "nan"]).contains("no time in seconds"));
    assert!(refused(&["sim", "metaworld/reach-v3", "--all"]).contains("--all"));
    assert!(refused(&["camera", "--rates-only", "--cameras", "ceiling"]).contains("ceiling"));
    assert!(refused(&["camera", "--sizes", "4"]).contains("--sizes"));
}
