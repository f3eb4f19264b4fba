//! Pictures, videos and the evidence of a difference, as a person asks for them.

mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use kinitro::domain::{Frame, Image, PolicyReply, Side};
use kinitro::episode::{EpisodeRules, Rollout, Turn};
use kinitro::service::media::{read_png, write_png};
use kinitro::sim::Simulator;
use kinitro::transcript::{Observed, Recorder, StepInput, Transcript};
use stage::process::kinitro;

fn run(arguments: &[&str], paths: &[&Path]) -> Output {
    kinitro().args(arguments).args(paths).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(ending));
    found.sort();
    found
}

/// An episode of reach of six steps, recorded with two small cameras.
fn record(folder: &Path, more: &[&str]) -> Output {
    let record = ["test-env", "metaworld/reach-v3", "--episodes", "1", "--max-steps", "6", "--camera-size", "16"];
    run(&[&record[..], more, &["--record"]].concat(), &[folder])
}

#[test]
fn a_recorded_episode_has_its_pictures_and_any_video() {
    let folder = tempfile::tempdir().unwrap();
    let output = record(folder.path(), &["--record-every", "3"]);
    assert!(output.status.success(), "{}", said(&output));
    let [transcript] = &files(folder.path(), ".ktr")[..] else { panic!("one transcript") };
    let pictures = folder.path().join("reach-v3-seed-1-episode-000");
    let names: Vec<String> =
        files(&pictures, ".png").iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    let due = ["0000", "0003", "0006"].map(|step| ["corner", "gripper"].map(|name| format!("step-{step}-{name}.png")));
    assert_eq!(names, due.concat());
    let recorded = Transcript::from_bytes(&fs::read(transcript).unwrap()).unwrap();
    let picture = read_png(&pictures.join("step-0003-gripper.png")).unwrap().unwrap();
    let image = Image { camera: "gripper".parse().unwrap(), frame: picture };
    assert_eq!(image.digest(), recorded.steps[2].frames[1]);

    let verified = run(&["verify", "--level", "frames"], &[transcript]);
    assert!(verified.status.success() && said(&verified).contains(": identical"), "{}", said(&verified));

    let video = |name: &str, more: &[&str]| {
        let output = run(&[&["replay"], more].concat(), &[transcript, Path::new("--video"), &folder.path().join(name)]);
        (output.status.code(), said(&output))
    };
    let (code, text) = video("seen.png", &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("identical: 6 steps") && text.contains("7 pictures of corner, gripper"), "{text}");
    assert_eq!(size_of(&folder.path().join("seen.png")), (32, 16, 7));
    let (code, text) = video("other.png", &["--no-frames", "--camera", "corner2,gripper,topview", "--size", "24"]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(size_of(&folder.path().join("other.png")), (72, 24, 7));
    let (code, text) = video("film.mp4", &["--no-frames", "--rate", "10"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(fs::read(folder.path().join("film.mp4")).unwrap()[4..].starts_with(b"ftyp"));

    for (name, more, needle) in [
        ("film.gif", &[][..], "end the name with one of these"),
        ("film.mp4", &["--camera", "corner9"], "there are corner, gripper, topview"),
        ("film.mp4", &["--rate", "0"], "1 to 240"),
    ] {
        let (code, text) = video(name, more);
        assert!(code == Some(2) && text.contains(needle) && !text.contains("identical"), "{name} {more:?}: {text}");
    }
    assert!(!folder.path().join("film.gif").exists());
}

#[test]
fn an_episode_without_cameras_can_be_watched_too() {
    let folder = tempfile::tempdir().unwrap();
    let refused = record(folder.path(), &["--cameras", "none"]);
    assert!(!refused.status.success() && said(&refused).contains("--camera-size"), "{}", said(&refused));
    let arguments = ["test-env", "metaworld/reach-v3", "--episodes", "1", "--max-steps", "6", "--cameras", "none"];
    let output = run(&[&arguments[..], &["--record"]].concat(), &[folder.path()]);
    assert!(output.status.success(), "{}", said(&output));
    let [transcript] = &files(folder.path(), "")[..] else { panic!("no folder of pictures") };
    for command in ["verify", "replay"] {
        let output = run(&[command], &[transcript, Path::new("--write-frames"), &folder.path().join("none")]);
        let text = said(&output);
        assert!(output.status.success() && text.contains("there were no pictures to look at"), "{command}: {text}");
    }
    let video = folder.path().join("video.png");
    let output = run(&["replay", "--size", "16"], &[transcript, Path::new("--video"), &video]);
    assert!(output.status.success() && said(&output).contains("of corner, gripper"), "{}", said(&output));
    assert_eq!(size_of(&video), (32, 16, 7));

    let refused = record(folder.path(), &["--cameras", "corner,corner"]);
    assert!(!refused.status.success() && said(&refused).contains("twice"), "{}", said(&refused));
    let refused = record(folder.path(), &["--cameras", "door"]);
    assert!(!refused.status.success() && said(&refused).contains("behindGripper"), "{}", said(&refused));
}

/// Width, height and number of pictures of an animation.
fn size_of(path: &Path) -> (u32, u32, u32) {
    let reader = png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap())).read_info().unwrap();
    let info = reader.info();
    (info.width, info.height, info.animation_control().unwrap().num_frames)
}

/// Records an episode whose picture of `gripper` at step 4 is another one, which it gives besides.
fn forge(simulator: &Simulator) -> (Transcript, Frame) {
    let mut contest = kinitro::domain::Contest { max_steps: 6, ..Default::default() };
    contest.environments = vec!["metaworld/reach-v3".parse().unwrap()];
    contest.cameras = kinitro::domain::standard_cameras();
    for camera in &mut contest.cameras {
        (camera.width, camera.height) = (Side::try_from(16).unwrap(), Side::try_from(16).unwrap());
    }
    let trial = kinitro::service::trial::Trial {
        contest: contest.clone(),
        genesis: kinitro::beacon::dev_genesis(kinitro::beacon::DEFAULT_DEV_CHAIN),
        block: kinitro::domain::BlockNumber(1),
        hotkey: kinitro::domain::Hotkey([3; 32]),
    };
    let assignment = &trial.assignments()[0];
    let world = simulator.episode(&assignment.environment, &assignment.seed, contest.randomisation).unwrap();
    let header = assignment.header(&contest, simulator.fingerprint(), &world, None, "test".parse().unwrap()).unwrap();
    let rules = EpisodeRules::of(&contest, header.profile);
    let mut rollout = Rollout::start(world, header.clone(), rules).unwrap();
    let mut state = Vec::new();
    let mut recorder = None;
    let mut forged = None;
    let reply = PolicyReply { answer: Ok([0.1, 0.3, -0.2, 1.0]), latency_us: 0, bytes: 0 };
    // The true episode tells what the forged one says of everything else.
    let mut again = simulator.episode(&assignment.environment, &assignment.seed, contest.randomisation).unwrap();
    loop {
        let mut images = rollout.pictures().to_vec();
        if rollout.steps() == 4 {
            let mut rgb = images[1].frame.rgb().to_vec();
            rgb[30] ^= 0x40;
            images[1].frame = Frame::new(16, 16, rgb).unwrap();
            forged = Some(images[1].frame.clone());
        }
        let frames: Vec<_> = images.iter().map(Image::digest).collect();
        again.integration_state(&mut state);
        let observation = *again.observation();
        let observed = Observed { observation: &observation, state: &state, frames: &frames };
        match &mut recorder {
            None => recorder = Some((Recorder::new(header.clone(), observed), None)),
            Some((recorder, taken)) => {
                let (applied, result): (_, kinitro::sim::StepResult) = Option::take(taken).unwrap();
                recorder.step(StepInput {
                    reply: &reply,
                    applied,
                    observed,
                    reward: result.reward,
                    success: result.success,
                    warnings: result.warnings,
                });
            }
        }
        if again.steps() == 6 {
            let (recorder, _) = recorder.unwrap();
            return (recorder.finish(None), forged.unwrap());
        }
        let applied = header.profile.to_action(reply.answer.unwrap()).unwrap();
        recorder.as_mut().unwrap().1 = Some((applied, again.step(applied).unwrap()));
        assert_eq!(rollout.step(&reply) == Turn::Over, again.steps() == 6);
    }
}

#[test]
fn a_picture_that_differs_is_named_and_both_can_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let (transcript, forged) = forge(&Simulator::locate(None).unwrap());
    let file = folder.path().join("forged.ktr");
    fs::write(&file, transcript.to_bytes().unwrap()).unwrap();
    let theirs = folder.path().join("theirs");
    fs::create_dir_all(theirs.join("deeper")).unwrap();
    write_png(&theirs.join("deeper/a.png"), &forged).unwrap();
    fs::write(theirs.join("broken.png"), b"no picture").unwrap();
    let ours = folder.path().join("ours");

    let verify = |more: &[&Path]| run(&["verify", "--level", "frames"], &[&[&file as &Path], more].concat());
    let plain = verify(&[]);
    let text = said(&plain);
    assert_eq!(plain.status.code(), Some(1), "{text}");
    assert!(text.contains("episode 0 of metaworld/reach-v3: step 4, frame of gripper: expected"), "{text}");

    let write = Path::new("--write-frames");
    let alone = said(&verify(&[write, &ours]));
    assert!(alone.contains("our picture: ") && alone.contains("the recorded picture was not written"), "{alone}");
    assert_eq!(files(&ours, ".png").len(), 1);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let missing = said(&verify(&[write, &ours, Path::new("--recorded"), &empty]));
    assert!(missing.contains("has the recorded digest"), "{missing}");

    for command in ["verify", "replay"] {
        let _ = fs::remove_dir_all(&ours);
        let output = run(&[command], &[&file, write, &ours, Path::new("--recorded"), &theirs]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("1 pixels differ, by 64 of 255 at most"), "{command}: {text}");
        let names = ["difference", "ours", "recorded"];
        let written = files(&ours, ".png");
        assert_eq!(written.len(), 3, "{text}");
        for (path, name) in written.iter().zip(names) {
            assert!(path.to_string_lossy().ends_with(&format!("-step-0004-gripper-{name}.png")), "{path:?}");
        }
        assert_eq!(read_png(&written[2]).unwrap(), Some(forged.clone()));
        let honest = read_png(&written[1]).unwrap().unwrap();
        assert_eq!(honest.rgb()[30] ^ 0x40, forged.rgb()[30]);
    }

    let honest = folder.path().join("honest");
    assert!(record(&honest, &["--record-every", "500"]).status.success());
    let [good] = &files(&honest, ".ktr")[..] else { panic!("one transcript") };
    for (command, needle) in [("verify", "every picture of 1 episodes is as"), ("replay", "every picture is as")] {
        let output = run(&[command], &[good, write, &ours]);
        let text = said(&output);
        assert!(output.status.success() && text.contains(&format!("no picture was written: {needle}")), "{text}");
    }
    let refused = run(&["replay", "--no-frames"], &[good, write, &ours]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}
