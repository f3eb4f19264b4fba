//! The loop of an episode, fed from its transcript.

use super::difference::{compare_doubles, same_bits, shown};
use super::ending::Ending;
use super::{Difference, DrawnElsewhere, Unsupported, heavy};
use crate::domain::{Action, CameraSetting, Digest, RendererProfile};
use crate::sim::{self, Resumer, SimError, Simulator, StepResult, World};
use crate::transcript::{StepRecord, Transcript, digest_of_doubles};

/// How thorough a replay is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayOptions {
    /// Each step is taken a second time, by a world that was made from a checkpoint of the one before: what differs then is state
    /// that a checkpoint does not hold. Several times slower.
    pub heavy: bool,
    /// Draw every picture again too, where what drew it is here. Ten times slower and more.
    pub frames: bool,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayReport {
    /// Every value of every step came out the same, bit for bit.
    Identical {
        /// Steps replayed.
        steps: u32,
    },
    /// So they did, but for the pictures: something drew them that is not here, so they were not drawn again.
    DrawnElsewhere {
        /// Steps replayed.
        steps: u32,
        /// What drew them, and what would here.
        pictures: DrawnElsewhere,
    },
    /// The first value that did not.
    Differs(Difference),
    /// This build implements another engine, so nothing can be said.
    Unsupported(Unsupported),
    /// The engine could not run the episode.
    Failed {
        /// What it said.
        reason: String,
    },
}

/// Replays a transcript and names the first difference. It also checks that each applied action follows from what was sent, and
/// that the episode ended when and as it had to.
pub fn replay(transcript: &Transcript, simulator: &Simulator, options: ReplayOptions) -> ReplayReport {
    let header = &transcript.header;
    let pictures = !header.cameras.is_empty() && options.frames;
    if let Some(unsupported) = Unsupported::between(&header.engine, simulator.fingerprint()) {
        return ReplayReport::Unsupported(unsupported);
    }
    let elsewhere =
        if pictures { DrawnElsewhere::between(header, simulator.fingerprint(), sim::renderer) } else { None };
    let options = ReplayOptions { frames: pictures && elsewhere.is_none(), ..options };
    let steps = transcript.footer.steps;
    match Replay::run(transcript, simulator, options) {
        Ok(()) => match elsewhere {
            None => ReplayReport::Identical { steps },
            Some(pictures) => ReplayReport::DrawnElsewhere { steps, pictures },
        },
        Err(Stop::Differs(difference)) => ReplayReport::Differs(difference),
        Err(Stop::Failed(error)) => ReplayReport::Failed { reason: error.to_string() },
    }
}

/// Why a replay goes no further.
pub(super) enum Stop {
    /// Something differs.
    Differs(Difference),
    /// The engine could not go on.
    Failed(SimError),
}

impl From<Difference> for Stop {
    fn from(difference: Difference) -> Stop {
        Stop::Differs(difference)
    }
}

impl From<SimError> for Stop {
    fn from(error: SimError) -> Stop {
        Stop::Failed(error)
    }
}

struct Replay<'a> {
    options: ReplayOptions,
    renderer: RendererProfile,
    cameras: &'a [CameraSetting],
    world: World,
    /// Makes the second worlds of a heavy replay.
    resumer: Option<Resumer>,
    state: Vec<f64>,
}

impl<'a> Replay<'a> {
    fn run(transcript: &'a Transcript, simulator: &Simulator, options: ReplayOptions) -> Result<(), Stop> {
        let header = &transcript.header;
        let world = simulator.episode(&header.environment, &header.seed, header.randomisation)?;
        compare_doubles(0, "task_vector", world.task_vector(), &header.task_vector)?;
        let resumer = options.heavy.then(|| simulator.resumer(&world.checkpoint())).transpose()?;
        let (renderer, cameras) = (header.renderer.profile(), header.cameras.as_slice());
        let mut replay = Replay { options, renderer, cameras, world, resumer, state: Vec::new() };
        let reset = &transcript.reset;
        replay.compare_world(0, &reset.observation, &reset.frames, &reset.state, reset.state_values.as_deref())?;

        let mut ending = Ending::new(header);
        let mut last = Action::ZERO;
        for (step, number) in transcript.steps.iter().zip(1..) {
            let due = step.sent.ok().and_then(|sent| header.profile.to_action(sent)).unwrap_or(Action::hold(last));
            if due.bits() != step.applied.bits() {
                let bits = |action: Action| format!("{:?}", action.values());
                return Err(Difference::at(number, "applied action", bits(due), bits(step.applied)).into());
            }
            let result = replay.step(number, step)?;
            ending.step(number, step, result.unstable)?;
            last = step.applied;
        }
        Ok(ending.finish(transcript)?)
    }

    fn step(&mut self, number: u32, step: &StepRecord) -> Result<StepResult, Stop> {
        let before = self.resumer.is_some().then(|| self.world.checkpoint());
        let result = self.world.step(step.applied)?;
        if !same_bits(result.reward, step.reward) {
            return Err(Difference::at(number, "reward", shown(result.reward), shown(step.reward)).into());
        }
        if result.success != step.success {
            return Err(Difference::at(number, "success", result.success, step.success).into());
        }
        if result.warnings != step.warnings {
            let bits = |warnings: u32| format!("{warnings:#b}");
            return Err(Difference::at(number, "warnings", bits(result.warnings), bits(step.warnings)).into());
        }
        self.compare_world(number, &step.observation, &step.frames, &step.state, step.state_values.as_deref())?;
        if let (Some(resumer), Some(checkpoint)) = (&self.resumer, before) {
            heavy::check(resumer, &checkpoint, step.applied, &self.world, &result)?;
        }
        Ok(result)
    }

    fn compare_world(
        &mut self,
        step: u32,
        observation: &Digest,
        frames: &[Digest],
        state: &Digest,
        state_values: Option<&[f64]>,
    ) -> Result<(), Stop> {
        self.world.integration_state(&mut self.state);
        if let Some(values) = state_values {
            // A heavy recording tells which number it is.
            compare_doubles(step, "state", &self.state, values)?;
        }
        compare_digests(step, "observation", &digest_of_doubles(self.world.observation()), observation)?;
        compare_digests(step, "state", &digest_of_doubles(&self.state), state)?;
        if frames.len() != self.cameras.len() {
            return Err(Difference::at(step, "frames", self.cameras.len(), frames.len()).into());
        }
        if self.options.frames {
            for (image, recorded) in self.world.pictures_by(self.renderer, self.cameras)?.iter().zip(frames) {
                let drawn = image.digest();
                if drawn != *recorded {
                    return Err(Difference::of_frame(step, &image.camera, &drawn, recorded).into());
                }
            }
        }
        Ok(())
    }
}

fn compare_digests(step: u32, field: &str, expected: &Digest, got: &Digest) -> Result<(), Difference> {
    if expected == got { Ok(()) } else { Err(Difference::at(step, field, expected, got)) }
}
