//! Recordings of a short episode as a forger wants them, for tests of replays.

#![allow(dead_code, reason = "each test file uses a part of it")]

use kinitro::domain::{
    Action, Contest, Digest, EnvId, EpisodeSeed, Fault, GlDriver, GlName, Hotkey, MissReason, PolicyProfile,
    PolicyReply, Renderer, standard_cameras,
};
use kinitro::replay::{Difference, ReplayOptions, ReplayReport};
use kinitro::service::executor::Assignment;
use kinitro::sim::{Simulator, World};
use kinitro::transcript::{Header, Observed, Recorder, StepInput, Transcript};

/// Steps of an episode.
pub const STEPS: u32 = 40;
/// Physics alone, once.
pub const LIGHT: ReplayOptions = ReplayOptions { heavy: false, frames: false };

/// The engine.
pub fn simulator() -> Simulator {
    Simulator::locate(None).unwrap()
}

/// Of an episode of reach without pictures; with the whole state in each record if it is `heavy`.
pub fn header(simulator: &Simulator, heavy: bool) -> Header {
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
pub struct Forged {
    pub number: u32,
    pub answer: Result<[f64; 4], MissReason>,
    pub applied: Action,
    pub observation: [f64; 39],
    pub state: Vec<f64>,
    pub frames: Vec<Digest>,
    pub reward: f64,
    pub success: bool,
    pub warnings: u32,
}

/// What the header's cameras see; pictures that are not the reference renderer's of here are made up.
fn digests(simulator: &Simulator, world: &mut World, header: &Header) -> Vec<Digest> {
    if !header.renderer.is_reference() || header.engine.renderer != simulator.fingerprint().renderer {
        return vec![Digest([9; 32]); header.cameras.len()];
    }
    world.pictures(&header.cameras).unwrap().iter().map(|image| image.digest()).collect()
}

/// Records an episode of reach whose 9th and 25th answers are missed, as `forge` wants it.
pub fn forge(
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

/// What a replay found to differ.
#[track_caller]
pub fn difference(report: ReplayReport) -> Difference {
    match report {
        ReplayReport::Differs(difference) => difference,
        other => panic!("expected a difference, found {other:?}"),
    }
}

/// A header of an episode whose pictures were drawn by a GL driver that no machine has.
pub fn of_another_driver(simulator: &Simulator) -> Header {
    let name = |text: &str| GlName::of(text);
    let driver = GlDriver { vendor: name("Nobody"), renderer: name("Paper and pencil"), driver: name("4.5 drawing 7") };
    Header { cameras: standard_cameras(), renderer: Renderer::MujocoGl(driver), ..header(simulator, false) }
}
