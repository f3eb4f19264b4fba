//! Replays on real physics: what is true is identical, what is not is named.

mod forge;

use forge::{Forged, LIGHT, STEPS, difference, forge, header, of_another_driver, simulator};
use kinitro::domain::{Action, Digest, Fault, FaultReason, MissReason, Randomisation, standard_cameras};
use kinitro::replay::{ReplayOptions, ReplayReport, replay};
use kinitro::transcript::{Header, Observed, Recorder, Transcript};

#[test]
fn a_header_that_names_another_randomisation_than_was_played_differs_from_the_reset_on() {
    let simulator = simulator();
    let plain = header(&simulator, false);
    let varied = Header { randomisation: Randomisation::Standard, ..plain.clone() };
    for (played, named) in [(&plain, &varied), (&varied, &plain)] {
        let honest = forge(&simulator, played.clone(), STEPS, None, |_| {});
        assert!(matches!(replay(&honest, &simulator, LIGHT), ReplayReport::Identical { .. }));
        let world = simulator.episode(&played.environment, &played.seed, played.randomisation).unwrap();
        let mut state = Vec::new();
        world.integration_state(&mut state);
        let observed = Observed { observation: world.observation(), state: &state, frames: &[] };
        let lie = Recorder::new(named.clone(), observed).finish(Some(Fault::new(FaultReason::Unreachable)));
        assert_eq!(difference(replay(&lie, &simulator, LIGHT)).step, Some(0));
    }
}

#[test]
fn an_honest_transcript_is_identical_lightly_and_heavily() {
    let simulator = simulator();
    for heavy in [false, true] {
        let transcript = forge(&simulator, header(&simulator, heavy), STEPS, None, |_| {});
        let read = Transcript::from_bytes(&transcript.to_bytes().unwrap()).unwrap();
        for options in [LIGHT, ReplayOptions { heavy: true, frames: false }] {
            assert_eq!(replay(&read, &simulator, options), ReplayReport::Identical { steps: STEPS });
        }
    }
}

#[test]
fn the_first_forged_value_is_named() {
    let simulator = simulator();
    let found = |change: &dyn Fn(&mut Forged)| {
        let change = |step: &mut Forged| {
            if step.number >= 12 {
                change(step);
            }
        };
        let found =
            difference(replay(&forge(&simulator, header(&simulator, false), STEPS, None, change), &simulator, LIGHT));
        assert_eq!(found.step, Some(12), "{found}");
        found.field
    };
    assert_eq!(found(&|step| step.reward += 1.0), "reward");
    assert_eq!(found(&|step| step.reward = f64::from_bits(step.reward.to_bits() ^ 1)), "reward");
    assert_eq!(found(&|step| step.success = !step.success), "success");
    assert_eq!(found(&|step| step.warnings ^= 2), "warnings");
    assert_eq!(found(&|step| step.observation[38] = 1.0), "observation");
    assert_eq!(found(&|step| step.state[3] += 1e-12), "state");
    assert_eq!(found(&|step| step.frames.push(Digest::ZERO)), "frames");
    assert_eq!(found(&|step| step.applied = Action::ZERO), "applied action");
    assert_eq!(found(&|step| step.answer = Ok([0.9, 0.9, 0.9, 0.9])), "applied action");
    assert_eq!(found(&|step| step.answer = Err(MissReason::TooLarge)), "applied action");
}

#[test]
fn a_heavy_recording_tells_which_number_differs() {
    let simulator = simulator();
    let transcript = forge(&simulator, header(&simulator, true), STEPS, None, |step| {
        if step.number == 5 {
            step.state[17] = -step.state[17] - 1.0;
        }
    });
    let found = difference(replay(&transcript, &simulator, LIGHT));
    assert_eq!((found.step, found.field.as_str()), (Some(5), "state[17]"));
}

#[test]
fn another_seed_or_task_vector_is_named() {
    let simulator = simulator();
    let mut changed = header(&simulator, false);
    changed.task_vector[4] += 0.01;
    let found = difference(replay(&forge(&simulator, changed, STEPS, None, |_| {}), &simulator, LIGHT));
    assert_eq!((found.step, found.field.as_str()), (Some(0), "task_vector[4]"));
}

#[test]
fn an_episode_ends_when_it_must_and_for_the_reason_it_says() {
    let simulator = simulator();
    let ends = |steps, fault: Option<FaultReason>, change: &dyn Fn(&mut Header), misses_from: u32| {
        let mut header = header(&simulator, false);
        change(&mut header);
        let transcript = forge(&simulator, header, steps, fault.map(Fault::new), |step| {
            if step.number >= misses_from {
                step.answer = Err(MissReason::Timeout);
            }
        });
        match replay(&transcript, &simulator, LIGHT) {
            ReplayReport::Identical { .. } => "identical".to_owned(),
            ReplayReport::Differs(difference) => difference.field,
            other => panic!("{other:?}"),
        }
    };
    let never = u32::MAX;
    let same = |_: &mut Header| {};
    assert_eq!(ends(STEPS, None, &same, never), "identical");
    assert_eq!(ends(10, None, &same, never), "fault", "it stops early and says nothing");
    assert_eq!(ends(10, Some(FaultReason::EpisodeTimeout), &same, never), "identical");
    assert_eq!(ends(10, Some(FaultReason::Unreachable), &same, never), "fault", "a policy that answered was reached");
    assert_eq!(ends(0, Some(FaultReason::Unreachable), &same, never), "identical");
    assert_eq!(
        ends(10, Some(FaultReason::TooManyMissedSteps), &same, never),
        "fault",
        "one missed step is not too many"
    );
    assert_eq!(ends(STEPS, Some(FaultReason::EpisodeTimeout), &same, never), "fault", "it was complete");
    let strict = |header: &mut Header| header.limits.max_missed_percent = 3;
    assert_eq!(ends(STEPS, None, &strict, never), "end of the episode", "one missed step had to end it");
    assert_eq!(ends(9, Some(FaultReason::TooManyMissedSteps), &strict, never), "identical");
    assert_eq!(ends(9, Some(FaultReason::MalformedActions), &strict, never), "fault");
}

#[test]
fn another_engine_is_no_difference() {
    let simulator = simulator();
    let mut changed = header(&simulator, false);
    changed.engine.task_code += 1;
    match replay(&forge(&simulator, changed, STEPS, None, |_| {}), &simulator, LIGHT) {
        ReplayReport::Unsupported(unsupported) => {
            assert_eq!(unsupported.parts.len(), 1);
            assert!(unsupported.to_string().contains("task code"), "{unsupported}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pictures_of_another_driver_are_not_checked_but_the_physics_is() {
    let simulator = simulator();
    let header = of_another_driver(&simulator);
    let with_frames = ReplayOptions { heavy: false, frames: true };
    let honest = forge(&simulator, header.clone(), STEPS, None, |_| {});
    let read = Transcript::from_bytes(&honest.to_bytes().unwrap()).unwrap();
    assert_eq!(read.header, header);
    assert_eq!(replay(&read, &simulator, LIGHT), ReplayReport::Identical { steps: STEPS });
    match replay(&read, &simulator, with_frames) {
        ReplayReport::DrawnElsewhere { steps, pictures } => {
            assert_eq!((steps, pictures.recorded.as_str()), (STEPS, "Nobody / Paper and pencil / 4.5 drawing 7"));
        }
        other => panic!("{other:?}"),
    }
    let lie = forge(&simulator, header.clone(), STEPS, None, |step| step.reward += f64::from(step.number == 30));
    assert_eq!(difference(replay(&lie, &simulator, with_frames)).step, Some(30));
    // One picture too few is a difference whoever drew them.
    let few = forge(&simulator, header, STEPS, None, |step| step.frames.truncate(if step.number == 5 { 1 } else { 2 }));
    assert_eq!(difference(replay(&few, &simulator, with_frames)).field, "frames");
}

#[test]
fn pictures_of_another_version_of_the_renderer_are_not_checked_but_the_physics_is() {
    let simulator = simulator();
    let mut header = Header { cameras: standard_cameras(), ..header(&simulator, false) };
    let here = simulator.fingerprint().renderer.clone();
    header.engine.renderer = "reference 99\u{1b}[2J".into();
    let with_frames = ReplayOptions { heavy: false, frames: true };
    let honest = forge(&simulator, header.clone(), STEPS, None, |_| {});
    match replay(&honest, &simulator, with_frames) {
        ReplayReport::DrawnElsewhere { steps, pictures } => {
            assert_eq!((steps, pictures.recorded.as_str()), (STEPS, "reference 99\\u{1b}[2J"));
            assert_eq!(pictures.here, here);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(replay(&honest, &simulator, LIGHT), ReplayReport::Identical { steps: STEPS });
    let lie = forge(&simulator, header, STEPS, None, |step| step.reward += f64::from(step.number == 30));
    assert_eq!(difference(replay(&lie, &simulator, with_frames)).step, Some(30));
}

#[test]
fn the_commands_say_which_drivers_pictures_were_not_checked() {
    let simulator = simulator();
    let transcript = forge(&simulator, of_another_driver(&simulator), STEPS, None, |_| {});
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("episode.ktr");
    std::fs::write(&file, transcript.to_bytes().unwrap()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("kinitro").unwrap();
        let output = command.args(arguments).arg(&file).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let reason = "pictures not checked: recorded on Nobody / Paper and pencil / 4.5 drawing 7, here ";
    for arguments in [&["replay"][..], &["verify", "--level", "frames"], &["verify"]] {
        let (code, said) = run(arguments);
        assert_eq!((code, said.contains(reason)), (2, true), "{arguments:?}: {said}");
        let frames_alone = arguments.contains(&"frames");
        assert_eq!(said.contains("verified except for pictures"), !frames_alone, "{arguments:?}: {said}");
    }
    let json: serde_json::Value = serde_json::from_str(&run(&["verify", "--json"]).1).unwrap();
    assert_eq!(json["answer"], "verified_except_for_pictures");
    let mut other_engine = transcript.header.clone();
    other_engine.engine.mujoco_version = "3\u{1b}[2J".into();
    std::fs::write(&file, forge(&simulator, other_engine, STEPS, None, |_| {}).to_bytes().unwrap()).unwrap();
    for arguments in [&["replay"][..], &["verify"]] {
        let (code, said) = run(arguments);
        assert!(code == 2 && said.contains("MuJoCo 3\\u{1b}[2J") && !said.contains('\u{1b}'), "{said}");
    }
    std::fs::write(&file, transcript.to_bytes().unwrap()).unwrap();
    let (code, said) = run(&["verify", "--level", "structure,physics"]);
    assert_eq!((code, said.contains(reason)), (0, false), "{said}");
    assert_eq!(run(&["replay", "--no-frames"]).0, 0);
    let written = folder.path().join("written");
    for command in ["replay", "verify"] {
        let (code, said) = run(&[command, "--write-frames", written.to_str().unwrap()]);
        let not_looked_at =
            said.contains("no picture was written: the pictures") && said.contains("were not looked at");
        assert!(code == 2 && not_looked_at, "{command}: {said}");
    }
}

#[test]
fn an_environment_that_this_engine_does_not_have_could_not_be_checked() {
    let simulator = simulator();
    let mut changed = header(&simulator, false);
    changed.environment = "metaworld/no-such-task-v3".parse().unwrap();
    let honest = header(&simulator, false);
    let mut world = simulator.episode(&honest.environment, &honest.seed, honest.randomisation).unwrap();
    let mut state = Vec::new();
    world.integration_state(&mut state);
    let observed = Observed { observation: world.observation(), state: &state, frames: &[] };
    let transcript = Recorder::new(changed, observed).finish(Some(Fault::new(FaultReason::Unreachable)));
    world.step(Action::ZERO).unwrap();
    assert!(matches!(replay(&transcript, &simulator, LIGHT), ReplayReport::Failed { .. }));
}
