//! Replays on real physics: what is true is identical, what is not is named.

use kinitro::domain::{
    Action, Contest, Digest, EnvId, EpisodeSeed, Fault, FaultReason, GlDriver, GlName, Hotkey, MissReason,
    PolicyProfile, PolicyReply, Randomisation, Renderer, standard_cameras,
};
use kinitro::replay::{Difference, Level, ReplayOptions, ReplayReport, replay, replay_levels};
use kinitro::service::executor::Assignment;
use kinitro::sim::{Simulator, World};
use kinitro::transcript::{Header, Observed, Recorder, StepInput, Transcript};

const STEPS: u32 = 40;
const LIGHT: ReplayOptions = ReplayOptions { heavy: false, frames: false };

fn simulator() -> Simulator {
    Simulator::locate(None).unwrap()
}

fn header(simulator: &Simulator, heavy: bool) -> Header {
    let contest = Contest { max_steps: STEPS, cameras: Vec::new(), ..Contest::default() };
    let environment: EnvId = "metaworld/reach-v3".parse().unwrap();
    let seed = EpisodeSeed([7; 32]);
    let world = simulator.episode(&environment, &seed, contest.randomisation).unwrap();
    let trial = Assignment::trial(environment, 0, seed, Hotkey([0; 32]));
    let executor = "test".parse().unwrap();
    let header = trial.header(&contest, simulator.fingerprint(), &world, None, executor).unwrap();
    Header { heavy, ..header }
}

/// A step that is about to be recorded, for a forger to touch.
struct Forged {
    number: u32,
    answer: Result<[f64; 4], MissReason>,
    applied: Action,
    observation: [f64; 39],
    state: Vec<f64>,
    frames: Vec<Digest>,
    reward: f64,
    success: bool,
    warnings: u32,
}

/// What the header's cameras see; pictures that are not the reference renderer's of here are made up.
fn digests(simulator: &Simulator, world: &mut World, header: &Header) -> Vec<Digest> {
    if !header.renderer.is_reference() || header.engine.renderer != simulator.fingerprint().renderer {
        return vec![Digest([9; 32]); header.cameras.len()];
    }
    world.pictures(&header.cameras).unwrap().iter().map(|image| image.digest()).collect()
}

/// Records an episode of reach whose 9th and 25th answers are missed, as `forge` wants it.
fn forge(
    simulator: &Simulator,
    header: Header,
    steps: u32,
    fault: Option<Fault>,
    forge: impl Fn(&mut Forged),
) -> Transcript {
    let mut world = simulator.episode(&header.environment, &header.seed, header.randomisation).unwrap();
    let mut state = Vec::new();
    world.integration_state(&mut state);
    let frames = digests(simulator, &mut world, &header);
    let first = Observed { observation: world.observation(), state: &state, frames: &frames };
    let mut recorder = Recorder::new(header.clone(), first);
    let mut last = Action::ZERO;
    for number in 1..=steps {
        let phase = f64::from(number) * 0.7;
        let sent = [phase.rem_euclid(2.5) - 1.2, 0.4, -phase.rem_euclid(1.0), 1.0];
        let answer = if number % 16 == 9 { Err(MissReason::Timeout) } else { Ok(sent) };
        let applied = match answer {
            Ok(sent) => PolicyProfile::KinitroV1.to_action(sent).unwrap(),
            Err(_) => Action::hold(last),
        };
        let result = world.step(applied).unwrap();
        world.integration_state(&mut state);
        let (reward, success, warnings) = (result.reward, result.success, result.warnings);
        let observation = *world.observation();
        let (state, frames) = (state.clone(), digests(simulator, &mut world, &header));
        let mut step = Forged { number, answer, applied, observation, state, frames, reward, success, warnings };
        forge(&mut step);
        recorder.step(StepInput {
            reply: &PolicyReply { answer: step.answer, latency_us: 900, bytes: 40 },
            applied: step.applied,
            observed: Observed { observation: &step.observation, state: &step.state, frames: &step.frames },
            reward: step.reward,
            success: step.success,
            warnings: step.warnings,
        });
        last = applied;
    }
    recorder.finish(fault)
}

fn difference(report: ReplayReport) -> Difference {
    match report {
        ReplayReport::Differs(difference) => difference,
        other => panic!("expected a difference, found {other:?}"),
    }
}

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

/// A header of an episode whose pictures were drawn by a GL driver that no machine has.
fn of_another_driver(simulator: &Simulator) -> Header {
    let name = |text: &str| GlName::of(text);
    let driver = GlDriver { vendor: name("Nobody"), renderer: name("Paper and pencil"), driver: name("4.5 drawing 7") };
    Header { cameras: standard_cameras(), renderer: Renderer::MujocoGl(driver), ..header(simulator, false) }
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
