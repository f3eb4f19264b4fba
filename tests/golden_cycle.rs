//! The formats of version 1 as files: written once, readable for ever, by us and by a reader that is not ours.

#![allow(
    clippy::disallowed_methods,
    reason = "the bans of clippy.toml are for the pure rows; the reader is named by a variable"
)]

mod cycle;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kinitro::replay::{Answer, Level, SignedCycle};
use kinitro::sim::Simulator;
use kinitro::transcript::Transcript;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cycle-v1")
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "ktr"));
    files.sort();
    files
}

fn write(cycle: &cycle::Cycle, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("manifest.json"), cycle.signed.to_json()).unwrap();
    for (id, bytes) in &cycle.transcripts {
        std::fs::write(folder.join(format!("{id}.ktr")), bytes).unwrap();
    }
}

/// Writes the golden files again; for a new format version only, since the old files must stay readable.
#[test]
#[ignore = "writes tests/golden/cycle-v1"]
fn write_the_golden_cycle() {
    write(&cycle::play(&Simulator::locate(None).unwrap(), |_| {}), &golden());
}

#[test]
fn the_golden_files_read_as_they_were_written() {
    let bytes = std::fs::read(golden().join("manifest.json")).unwrap();
    let signed = SignedCycle::from_json(&bytes).unwrap();
    assert_eq!(signed.verify(), Ok(()));
    assert_eq!(signed.to_json(), bytes, "the canonical JSON has changed");
    assert_eq!(signed.digest.to_string(), "dc9c1b970c3b6511f8eb4a6529940cff509040bfc2219e2c1c1a060bd5f86ca1");
    let files = transcripts(&golden());
    assert_eq!(files.len(), signed.manifest.episodes.len());
    for file in files {
        let transcript = Transcript::from_bytes(&std::fs::read(&file).unwrap()).unwrap();
        assert_eq!(file.file_stem().unwrap().to_str().unwrap(), transcript.id().to_string());
    }
}

#[test]
fn the_golden_cycle_verifies_from_the_command_line() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_kinitro")).arg("verify").arg(golden()).arg("--json").output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    for level in report["levels"].as_array().unwrap() {
        assert_eq!(level["differs"], 0, "{level}");
        // Another engine than the one that recorded them can say nothing about physics.
        assert!(level["unchecked"] == 0 || level["level"] == Level::Physics.as_str(), "{level}");
    }
    let expected = [Answer::Identical, Answer::CouldNotCheck].map(|answer| i32::from(answer.exit_code()));
    assert!(expected.contains(&output.status.code().unwrap()), "{report}");
}

/// Runs the reader of docs/examples with the Python that `make test` prepares.
fn reader(arguments: &[&Path]) -> Output {
    let python = std::env::var("KINITRO_READER_PYTHON").expect(
        "KINITRO_READER_PYTHON is not set: run the tests by `make test`, which installs docs/examples/requirements.txt for \
         the Python reader and sets it",
    );
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples/check_transcript.py");
    Command::new(python).arg(script).args(arguments).output().expect("KINITRO_READER_PYTHON names a Python")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_reader_that_is_not_ours_checks_the_golden_cycle() {
    let manifest = golden().join("manifest.json");
    let files = transcripts(&golden());
    let mut arguments = vec![Path::new("--manifest"), manifest.as_path()];
    arguments.extend(files.iter().map(PathBuf::as_path));
    let output = reader(&arguments);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(said(&output).matches(" holds (").count(), 1 + files.len(), "{}", said(&output));
}

#[test]
fn a_reader_that_is_not_ours_checks_what_this_build_writes_and_finds_what_was_changed() {
    let simulator = Simulator::locate(None).unwrap();
    let cycle = cycle::play(&simulator, |header| header.heavy = header.index == 0);
    let folder = tempfile::tempdir().unwrap();
    write(&cycle, folder.path());
    let manifest = folder.path().join("manifest.json");
    let files = transcripts(folder.path());
    let mut arguments = vec![Path::new("--manifest"), manifest.as_path()];
    arguments.extend(files.iter().map(PathBuf::as_path));
    let output = reader(&arguments);
    assert!(output.status.success(), "{}", said(&output));

    let body = Transcript::from_bytes(&std::fs::read(&files[0]).unwrap()).unwrap().body().to_vec();
    let changed = folder.path().join("changed.ktr");
    for place in [30, body.len() / 2, body.len() - 200, body.len() - 1] {
        let mut body = body.clone();
        body[place] ^= 1;
        std::fs::write(&changed, zstd::bulk::compress(&body, 1).unwrap()).unwrap();
        let output = reader(&[changed.as_path()]);
        assert_eq!(output.status.code(), Some(1), "byte {place}: {}", said(&output));
    }

    let json = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, json.replacen(r#""netuid":3"#, r#""netuid":4"#, 1)).unwrap();
    let output = reader(&[Path::new("--manifest"), manifest.as_path()]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("digest does not follow"), "{}", said(&output));
}
