//! The demo as a person runs it, and what it leaves behind.

mod stage;

use stage::process::{Process, assert_refused, kinitro};

/// The smallest demo in which the experts succeed.
const SMALL: [&str; 9] = [
    "demo",
    "--episodes",
    "1",
    "--max-steps",
    "120",
    "--cameras",
    "none",
    "--envs",
    "metaworld/reach-v3,metaworld/push-v3",
];

#[test]
fn a_demo_ends_well_and_leaves_a_cycle_that_anybody_can_verify() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let output = kinitro().args(SMALL).arg("--data-dir").arg(&data).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("identical") && said.contains("12 episodes in"), "{said}");
    assert!(!said.contains("NO"), "an invariant does not hold: {said}");

    let mut api = kinitro();
    api.args(["api", "--no-auth", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&data);
    let mut api = Process::start(&mut api);
    let verified = kinitro().args(["verify", &api.url()]).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stdout);
    assert!(verified.status.success() && said.contains(": identical"), "{verified:?}");

    let again = kinitro().args(SMALL).arg("--data-dir").arg(&data).output().unwrap();
    assert_refused("a demo in a used folder", &again, 1, &["is not empty", "--data-dir"]);
}

#[test]
fn a_demo_of_varied_worlds_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = kinitro();
    demo.args(["demo", "--episodes", "1", "--max-steps", "120", "--envs", "metaworld/reach-v3"]);
    let output = demo
        .args(["--cameras", "none", "--randomisation", "standard", "--data-dir"])
        .arg(folder.path().join("demo"))
        .output();
    let output = output.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("identical") && !said.contains("NO"), "{said}");
    assert!(said.contains("100 %"), "the expert has another world than the daemon: {said}");
}

#[test]
fn a_demo_with_cameras_sends_records_and_draws_pictures_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let mut demo = kinitro();
    demo.args(["demo", "--episodes", "1", "--max-steps", "80", "--envs", "metaworld/reach-v3", "--camera-size", "8"]);
    let output = demo.arg("--data-dir").arg(&data).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    // Six miners, eighty steps and the reset, two cameras. Fewer steps would not be enough for the known-good probe.
    assert!(said.contains("972 pictures of corner and gripper were drawn again: identical"), "{said}");
    let watch = said.lines().find(|line| line.starts_with("watch ")).expect("it says how to look at an episode");
    let transcript = watch.split_whitespace().find(|word| word.ends_with(".ktr")).unwrap();
    assert!(std::path::Path::new(transcript).is_file(), "{watch}");
}

#[test]
fn an_interrupted_demo_leaves_a_sound_folder_and_no_processes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let mut demo = Process::start(kinitro().args(["demo", "--data-dir"]).arg(&data));
    demo.wait_for("the cycle runs");
    demo.interrupt();
    assert_eq!(demo.ended().code(), Some(1), "{}", demo.text());
    assert!(demo.err.find("interrupted; run it again with another --data-dir").is_some(), "{}", demo.text());
    let miners = demo
        .out
        .all()
        .iter()
        .filter(|line| line.contains("http://127.0.0.1:"))
        .filter_map(|line| address(line))
        .collect::<Vec<_>>();
    assert_eq!(miners.len(), 7, "six miners and the API: {}", demo.text());
    for address in miners {
        assert!(std::net::TcpStream::connect(&address).is_err(), "somebody still serves at {address}");
    }
    let status = kinitro().args(["db", "--data-dir"]).arg(&data).arg("status").output().unwrap();
    assert!(status.status.success(), "{status:?}");
}

/// The host and port behind `http://` in a line.
fn address(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("http://")?;
    Some(rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect())
}
