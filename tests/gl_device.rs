//! Which device `mujoco-gl` draws on. One test alone: the choice is the process's.

mod gl_driver;

use kinitro::domain::RendererProfile;
use kinitro::sim;

use gl_driver::driver;

/// What opening a device of that number says.
fn told(number: &str) -> String {
    sim::choose_gl_device(Some(number));
    sim::renderer(RendererProfile::MujocoGl).unwrap_err().to_string()
}

/// What the program says, and whether it succeeded.
fn doctor(device: &str, folder: &std::path::Path) -> (bool, String) {
    let config = folder.join("kinitro.toml");
    let contest = "[contest]\nrenderer = \"mujoco-gl\"\ncameras = [{ name = \"corner\", camera = \"corner\" }]\n";
    std::fs::write(&config, format!("[storage]\ndata_dir = {:?}\n{contest}", folder.join("data"))).unwrap();
    let mut command = assert_cmd::Command::cargo_bin("kinitro").unwrap();
    command.env("MUJOCO_EGL_DEVICE_ID", device).args(["doctor", "--json", "--config"]).arg(config);
    let output = command.output().unwrap();
    let checks: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let check = checks.as_array().unwrap().iter().find(|check| check["what"] == "renderers").unwrap();
    (check["ok"].as_bool().unwrap(), check["seen"].as_str().unwrap().to_owned())
}

#[test]
fn a_device_that_is_not_there_is_told_with_those_that_are_and_another_try_may_succeed() {
    let needs = "must be the number of one of EGL's devices; it lists ";
    if !told("99").contains(needs) {
        sim::choose_gl_device(None);
        assert_eq!(driver(), None, "a driver that is there tells a number that is none");
        return;
    }
    for wrong in ["99", "-1", "one", "\u{1b}[2J"] {
        let told = told(wrong);
        let list = told.split_once(needs).map(|(_, list)| list.to_owned());
        assert!(list.is_some_and(|list| list.starts_with("0 (")), "{told}");
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (ok, seen) = doctor("99", folder.path());
    assert!(!ok && seen.contains("MUJOCO_EGL_DEVICE_ID is \"99\""), "{seen}");

    sim::choose_gl_device(None);
    let Some(first) = driver() else { return };
    sim::choose_gl_device(Some("99"));
    assert_eq!(driver(), Some(first), "a device that is open stays so");
    let (ok, seen) = doctor("", folder.path());
    assert!(ok && seen.contains("mujoco-gl on "), "{seen}");
}
