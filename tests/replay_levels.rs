//! One play of an episode for two levels of a verification: physics and pictures.

mod forge;

use forge::{Forged, LIGHT, forge, header, of_another_driver, simulator};
use kinitro::domain::{Action, Digest, Fault, FaultReason, standard_cameras};
use kinitro::replay::{Level, ReplayOptions, ReplayReport, replay, replay_levels};
use kinitro::service::verifier::{VerifyOptions, verify_transcript};
use kinitro::sim::Simulator;
use kinitro::transcript::{Header, Observed, Recorder, Transcript};

/// A header of a short episode with two small pictures a step.
fn with_pictures(simulator: &Simulator) -> Header {
    let mut cameras = standard_cameras();
    for camera in &mut cameras {
        (camera.width, camera.height) = (16.try_into().unwrap(), 16.try_into().unwrap());
    }
    Header { cameras, max_steps: SHORT, ..header(simulator, false) }
}

/// Steps of an episode with pictures.
const SHORT: u32 = 6;

#[test]
fn one_play_finds_for_both_levels_what_each_finds_alone() {
    let simulator = simulator();
    let honest = with_pictures(&simulator);
    type Lie = (u32, fn(&mut Forged));
    let reward = |step: &mut Forged| step.reward += 1.0;
    let corner = |step: &mut Forged| step.frames[0] = Digest::ZERO;
    let gripper = |step: &mut Forged| step.frames[1] = Digest::ZERO;
    let action = |step: &mut Forged| step.applied = Action::ZERO;
    let lies: [&[Lie]; 5] = [
        &[],
        &[(2, gripper), (4, reward)],
        &[(2, reward), (4, gripper)],
        &[(4, corner), (4, reward)],
        &[(3, gripper), (4, corner), (5, action)],
    ];
    let mut seen = Vec::new();
    for lies in lies {
        let transcript = forge(&simulator, honest.clone(), SHORT, None, |step| {
            let number = step.number;
            lies.iter().filter(|(at, _)| *at == number).for_each(|(_, lie)| lie(step));
        });
        seen.push(compare_levels(&simulator, &transcript));
    }
    let fields = |(physics, frames): &(ReplayReport, ReplayReport)| {
        [physics, frames].map(|report| match report {
            ReplayReport::Differs(difference) => difference.to_string().split(':').next().unwrap().to_owned(),
            ReplayReport::Identical { .. } => "identical".into(),
            other => panic!("{other:?}"),
        })
    };
    let seen: Vec<_> = seen.iter().map(fields).collect();
    assert_eq!(seen[0], ["identical"; 2]);
    assert_eq!(seen[1], ["step 4, reward", "step 2, frame of gripper"]);
    assert_eq!([&seen[2], &seen[3]], [&["step 2, reward"; 2], &["step 4, reward"; 2]]);
    assert_eq!(seen[4], ["step 5, applied action", "step 3, frame of gripper"]);

    // Worlds that a level cannot look at.
    let mut task_code = honest.clone();
    task_code.engine.task_code += 1;
    let mut renderer = honest.clone();
    renderer.engine.renderer = "reference 0".into();
    for header in [task_code, renderer, of_another_driver(&simulator), header(&simulator, false)] {
        let steps = header.max_steps;
        compare_levels(&simulator, &forge(&simulator, header, steps, None, |_| {}));
    }
}

/// What both levels find in one play, after holding it against what they find one by one.
#[track_caller]
fn compare_levels(simulator: &Simulator, transcript: &Transcript) -> (ReplayReport, ReplayReport) {
    let with_frames = ReplayOptions { heavy: false, frames: true };
    let frames = replay(transcript, simulator, with_frames);
    for heavy in [false, true] {
        let mut turns = Vec::new();
        let both = replay_levels(transcript, simulator, ReplayOptions { heavy, ..with_frames }, &mut |level| {
            turns.push(level);
        });
        let physics = replay(transcript, simulator, ReplayOptions { heavy, frames: false });
        // That they were drawn elsewhere is all that the level frames says; by itself a replay tells of the physics first.
        match &both.frames {
            Some(ReplayReport::DrawnElsewhere { .. }) => assert!(matches!(frames, ReplayReport::DrawnElsewhere { .. })),
            other => assert_eq!(*other, Some(frames.clone())),
        }
        assert_eq!(both.physics, physics);
        assert!(turns.chunks(2).all(|turn| turn == [Level::Frames, Level::Physics]), "{turns:?}");
        if matches!(frames, ReplayReport::Identical { .. }) && !transcript.header.cameras.is_empty() {
            let drawn = if heavy { 2 * SHORT + 1 } else { SHORT + 1 };
            assert_eq!(turns.len() as u32, 2 * drawn, "each step is drawn once, and once after a restored checkpoint");
        }
    }
    let physics = replay(transcript, simulator, LIGHT);
    (physics, frames)
}

#[test]
fn a_camera_that_the_model_lacks_is_named_with_those_that_it_has() {
    let simulator = simulator();
    let honest = with_pictures(&simulator);
    let transcript = forge(&simulator, honest.clone(), SHORT, None, |_| {});
    let mut other = honest;
    other.cameras[1].camera = "door".parse().unwrap();
    // What was recorded, under a header that names another camera.
    let mut world = simulator.episode(&other.environment, &other.seed, other.randomisation).unwrap();
    let mut state = Vec::new();
    world.integration_state(&mut state);
    let observed = Observed { observation: world.observation(), state: &state, frames: &transcript.reset.frames };
    let broken_off = Recorder::new(other, observed).finish(Some(Fault::new(FaultReason::EngineFailure)));
    let options = ReplayOptions { heavy: false, frames: true };
    let both = replay_levels(&broken_off, &simulator, options, &mut |_| {});
    assert_eq!(both.physics, ReplayReport::Identical { steps: 0 });
    let Some(ReplayReport::Failed { reason }) = both.frames else { panic!("{:?}", both.frames) };
    let names = "topview, corner, corner2, corner3, corner4, behindGripper, gripperPOV";
    assert_eq!(reason, format!("camera door: the model of metaworld/reach-v3 has {names}; ask for one of these"));
    assert_eq!(replay(&broken_off, &simulator, options), ReplayReport::Failed { reason });
    assert!(world.step(Action::ZERO).is_ok());
}

#[test]
fn a_verification_of_both_levels_says_of_each_what_one_of_it_alone_says() {
    let simulator = simulator();
    let forged = forge(&simulator, with_pictures(&simulator), SHORT, None, |step| match step.number {
        2 => step.frames[1] = Digest::ZERO,
        4 => step.reward += 1.0,
        _ => {}
    });
    let bytes = forged.to_bytes().unwrap();
    let verify = |levels: &[Level]| {
        let options = VerifyOptions { levels: levels.iter().copied().collect(), ..VerifyOptions::default() };
        verify_transcript(&bytes, Ok(&simulator), &options).levels
    };
    let mut both = verify(&[Level::Physics, Level::Frames]);
    assert!(both.iter().all(|level| level.seconds > 0.0 && level.checked == 1 && level.differs == 1), "{both:?}");
    assert_ne!(both[0].findings, both[1].findings);
    for level in &mut both {
        let mut alone = verify(&[level.level]).remove(0);
        (level.seconds, alone.seconds) = (0.0, 0.0);
        assert_eq!(*level, alone);
    }
}
