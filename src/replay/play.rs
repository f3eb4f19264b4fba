//! The loop of an episode, fed from its transcript.

use super::difference::{compare_doubles, same_bits, shown};
use super::ending::Ending;
use super::heavy::Again;
use super::{Difference, DrawnElsewhere, Level, Unsupported};
use crate::domain::{Action, CameraSetting, Digest, RendererProfile};
use crate::sim::{self, Checkpoint, Resumer, SimError, Simulator, StepResult, Views, World};
use crate::transcript::{StepRecord, Transcript, digest_of_doubles};

/// How thorough a replay is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayOptions {
    /// Each step is taken a second time, by a world that was made from a checkpoint of the one before: what differs then is state
    /// that a checkpoint does not hold. With `frames` that world is drawn too. Several times slower.
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
    match Replay::run(transcript, simulator, options, None, &mut |_| {}).0 {
        Ok(()) => match elsewhere {
            None => ReplayReport::Identical { steps },
            Some(pictures) => ReplayReport::DrawnElsewhere { steps, pictures },
        },
        Err(stop) => stop.into(),
    }
}

/// What the levels that replay say of one transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelReports {
    /// The level physics: what [`replay`] says without pictures.
    pub physics: ReplayReport,
    /// The level frames, if it was asked for: what [`replay`] says with pictures and, of a heavy one, what pictures taken
    /// after a restored checkpoint say; where what drew the recorded ones is not here, that and nothing else.
    pub frames: Option<ReplayReport>,
}

/// Plays the episode of a transcript once for both levels. `turn` is told which of them the time from now on is spent on, the
/// level physics at first.
pub fn replay_levels(
    transcript: &Transcript,
    simulator: &Simulator,
    options: ReplayOptions,
    turn: &mut dyn FnMut(Level),
) -> LevelReports {
    let (header, here) = (&transcript.header, simulator.fingerprint());
    let (steps, pictures) = (transcript.footer.steps, options.frames && !header.cameras.is_empty());
    let elsewhere = if pictures { DrawnElsewhere::between(header, here, sim::renderer) } else { None };
    let elsewhere = elsewhere.map(|pictures| ReplayReport::DrawnElsewhere { steps, pictures });
    if let Some(unsupported) = Unsupported::between(&header.engine, here) {
        let all = ReplayReport::Unsupported(unsupported);
        let frames = options.frames.then(|| elsewhere.unwrap_or_else(|| all.clone()));
        return LevelReports { physics: all, frames };
    }
    let drawing = ReplayOptions { frames: pictures && elsewhere.is_none(), ..options };
    let (all, own) = Replay::run(transcript, simulator, drawing, Some(OwnStops::default()), turn);
    let all = all.map_or_else(ReplayReport::from, |()| ReplayReport::Identical { steps });
    let OwnStops { heavy, frames } = own.unwrap_or_default();
    LevelReports {
        frames: options.frames.then(|| elsewhere.or(frames).unwrap_or_else(|| all.clone())),
        physics: heavy.unwrap_or(all),
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

impl From<Stop> for ReplayReport {
    fn from(stop: Stop) -> ReplayReport {
        match stop {
            Stop::Differs(difference) => ReplayReport::Differs(difference),
            Stop::Failed(error) => ReplayReport::Failed { reason: error.to_string() },
        }
    }
}

/// What ended one level's part of a play that goes on for the other level.
#[derive(Default)]
struct OwnStops {
    /// Of what only the level physics looks at: the numbers after a restored checkpoint.
    heavy: Option<ReplayReport>,
    /// Of what only the level frames looks at.
    frames: Option<ReplayReport>,
}

struct Replay<'a> {
    options: ReplayOptions,
    renderer: RendererProfile,
    cameras: &'a [CameraSetting],
    world: World,
    /// The cameras in the world's model, from the first picture on.
    views: Option<Views>,
    /// Makes the second worlds of a heavy replay.
    resumer: Option<Resumer>,
    state: Vec<f64>,
    /// None when the first thing that differs ends the replay, whichever level looks at it.
    own: Option<OwnStops>,
    turn: &'a mut dyn FnMut(Level),
}

impl<'a> Replay<'a> {
    /// Plays the whole episode, or until something ends it; with what ended levels by themselves, if `own` was given.
    fn run(
        transcript: &'a Transcript,
        simulator: &Simulator,
        options: ReplayOptions,
        own: Option<OwnStops>,
        turn: &'a mut dyn FnMut(Level),
    ) -> (Result<(), Stop>, Option<OwnStops>) {
        let header = &transcript.header;
        let world = match simulator.episode(&header.environment, &header.seed, header.randomisation) {
            Ok(world) => world,
            Err(error) => return (Err(error.into()), own),
        };
        let (renderer, cameras) = (header.renderer.profile(), header.cameras.as_slice());
        let (views, resumer, state) = (None, None, Vec::new());
        let mut replay = Replay { options, renderer, cameras, world, views, resumer, state, own, turn };
        let end = replay.play(transcript, simulator);
        (end, replay.own)
    }

    fn play(&mut self, transcript: &Transcript, simulator: &Simulator) -> Result<(), Stop> {
        let header = &transcript.header;
        compare_doubles(0, "task_vector", self.world.task_vector(), &header.task_vector)?;
        if self.options.heavy {
            self.resumer = Some(simulator.resumer(&self.world.checkpoint())?);
        }
        let reset = &transcript.reset;
        self.compare_world(0, &reset.observation, &reset.frames, &reset.state, reset.state_values.as_deref())?;

        let mut ending = Ending::new(header);
        let mut last = Action::ZERO;
        for (step, number) in transcript.steps.iter().zip(1..) {
            let due = step.sent.ok().and_then(|sent| header.profile.to_action(sent)).unwrap_or(Action::hold(last));
            if due.bits() != step.applied.bits() {
                let bits = |action: Action| format!("{:?}", action.values());
                return Err(Difference::at(number, "applied action", bits(due), bits(step.applied)).into());
            }
            let result = self.step(number, step)?;
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
        if let Some(checkpoint) = before {
            self.compare_again(&checkpoint, step, &result)?;
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
            (self.turn)(Level::Frames);
            let compared = self.compare_pictures(step, frames);
            (self.turn)(Level::Physics);
            self.end_frames(compared)?;
        }
        Ok(())
    }

    fn compare_pictures(&mut self, step: u32, recorded: &[Digest]) -> Result<(), Stop> {
        if self.views.is_none() {
            self.views = Some(self.world.views(self.renderer, self.cameras)?);
        }
        let Some(views) = &self.views else { return Ok(()) };
        for (image, recorded) in self.world.seen(views)?.iter().zip(recorded) {
            let drawn = image.digest();
            if drawn != *recorded {
                return Err(Difference::of_frame(step, &image.camera, &drawn, recorded).into());
            }
        }
        Ok(())
    }

    /// Takes the step that the world has just taken from `checkpoint` in a second world. Its pictures are compared with the
    /// recorded ones, which are the first world's.
    fn compare_again(&mut self, checkpoint: &Checkpoint, step: &StepRecord, result: &StepResult) -> Result<(), Stop> {
        let Some(resumer) = &self.resumer else { return Ok(()) };
        let mut again = match Again::take(resumer, checkpoint, step.applied) {
            Ok(again) => again,
            Err(error) => return self.end_heavy(Err(error.into())),
        };
        let same = again.compare(&self.world, result);
        // Of a world that is another one, the level physics tells.
        if same.is_ok() && self.options.frames {
            (self.turn)(Level::Frames);
            let pictures = again.compare_pictures(self.renderer, self.cameras, &step.frames);
            (self.turn)(Level::Physics);
            self.end_frames(pictures)?;
        }
        self.end_heavy(same.map_err(Stop::from))
    }

    /// No second worlds any more, if what they were compared by `found` something.
    fn end_heavy(&mut self, found: Result<(), Stop>) -> Result<(), Stop> {
        let Err(stop) = found else { return Ok(()) };
        let Some(own) = &mut self.own else { return Err(stop) };
        own.heavy = Some(stop.into());
        self.resumer = None;
        Ok(())
    }

    /// No pictures any more, if comparing them `found` something.
    fn end_frames(&mut self, found: Result<(), Stop>) -> Result<(), Stop> {
        let Err(stop) = found else { return Ok(()) };
        let Some(own) = &mut self.own else { return Err(stop) };
        own.frames = Some(stop.into());
        self.options.frames = false;
        Ok(())
    }
}

fn compare_digests(step: u32, field: &str, expected: &Digest, got: &Digest) -> Result<(), Difference> {
    if expected == got { Ok(()) } else { Err(Difference::at(step, field, expected, got)) }
}
