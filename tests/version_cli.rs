//! `kinitro version` as a person or a packager's check meets it.

use std::path::Path;

use assert_cmd::Command;
use kinitro::sim::Simulator;
use serde_json::Value;

fn version(arguments: &[&str], assets: &Path) -> String {
    let mut command = Command::cargo_bin("kinitro").unwrap();
    let output = command.env_remove("KINITRO_CONFIG").env("KINITRO_ASSETS", assets).arg("version").args(arguments);
    let output = output.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn assets() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor/metaworld")
}

#[test]
fn the_engine_is_the_one_that_transcripts_name() {
    let told: Value = serde_json::from_str(&version(&["--json"], &assets())).unwrap();
    let simulator = Simulator::locate(Some(&assets())).unwrap();
    assert_eq!(told["engine"]["digest"], simulator.fingerprint().digest().to_string());
    assert_eq!(told["engine"]["fingerprint"], serde_json::to_value(simulator.fingerprint()).unwrap());
    assert_eq!(told["mujoco"], simulator.fingerprint().mujoco_version.as_str());
    assert_eq!(told["engine_problem"], Value::Null);
}

#[test]
fn the_build_is_told_and_what_is_unknown_is_null() {
    let told: Value = serde_json::from_str(&version(&["--json"], &assets())).unwrap();
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["is_release"], !cfg!(debug_assertions));
    assert!(told["target"].as_str().unwrap().starts_with(std::env::consts::ARCH), "{told}");
    assert!(told["rustc"].as_str().unwrap().starts_with("rustc 1."), "{told}");
    for name in ["git_revision", "nar_hash"] {
        let value = &told[name];
        assert!(value.is_null() || value.as_str().is_some_and(|text| !text.is_empty()), "{name} is {value}");
    }
}

#[test]
fn without_assets_the_build_is_told_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let text = version(&[], folder.path());
    for needle in
        [concat!("kinitro ", env!("CARGO_PKG_VERSION")), "git revision: ", "compiler: rustc", "cannot be opened"]
    {
        assert!(text.contains(needle), "{needle:?} is missing:\n{text}");
    }
    let told: Value = serde_json::from_str(&version(&["--json"], folder.path())).unwrap();
    assert!(told["engine_problem"].as_str().unwrap().contains("metaworld"), "{told}");
    assert_eq!((&told["engine"], &told["mujoco"]), (&Value::Null, &Value::Null));
}
