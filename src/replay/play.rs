//! The loop of an episode, fed from its transcript.

use super::difference::{same_bits, shown};
use super::ending::Ending;
use super::{Difference, Unsupported};
use crate::domain::{Action, Digest};
use crate::sim::{SimError, Simulator, StepResult, World};
use crate::transcript::{StepRecord, Transcript, digest_of_doubles};

/// How thorough a replay is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplayOptions {
    /// Beside the episode runs a second world that is put back to the saved state before every step: what differs then is
    /// state that a checkpoint does not hold. About three times as slow.
    pub heavy: bool,
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayReport {
    /// Every value of every step came out the same, bit for bit.
    Identical {
        /// Steps replayed.
        steps: u32,
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
    if let Some(unsupported) = Unsupported::between(&transcript.header.engine, simulator.fingerprint()) {
        return ReplayReport::Unsupported(unsupported);
    }
    match Replay::run(transcript, simulator, options) {
        Ok(()) => ReplayReport::Identical { steps: transcript.footer.steps },
        Err(Stop::Differs(difference)) => ReplayReport::Differs(difference),
        Err(Stop::Failed(error)) => ReplayReport::Failed { reason: error.to_string() },
    }
}

enum Stop {
    Differs(Difference),
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

struct Replay {
    world: World,
    twin: Option<Twin>,
    state: Vec<f64>,
}

impl Replay {
    fn run(transcript: &Transcript, simulator: &Simulator, options: ReplayOptions) -> Result<(), Stop> {
        let header = &transcript.header;
        let world = simulator.episode(&header.environment, &header.seed, header.randomisation)?;
        compare_doubles(0, "task_vector", world.task_vector(), &header.task_vector)?;
        let twin = if options.heavy { Some(Twin::new(simulator, &world)?) } else { None };
        let mut replay = Replay { world, twin, state: Vec::new() };
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
        if let Some(twin) = &mut self.twin {
            twin.put_back(&self.world)?;
        }
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
        if let Some(twin) = &mut self.twin {
            twin.step(number, step.applied, &self.world, &result)?;
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
    ) -> Result<(), Difference> {
        self.world.integration_state(&mut self.state);
        if let Some(values) = state_values {
            // A heavy recording tells which number it is.
            compare_doubles(step, "state", &self.state, values)?;
        }
        compare_digests(step, "observation", &digest_of_doubles(self.world.observation()), observation)?;
        compare_digests(step, "state", &digest_of_doubles(&self.state), state)?;
        if !frames.is_empty() {
            return Err(Difference::at(step, "frames", "none: this engine's renderer is `none`", frames.len()));
        }
        Ok(())
    }
}

fn compare_digests(step: u32, field: &str, expected: &Digest, got: &Digest) -> Result<(), Difference> {
    if expected == got { Ok(()) } else { Err(Difference::at(step, field, expected, got)) }
}

/// Compares lists of doubles bit by bit and names the first place that differs.
fn compare_doubles(step: u32, field: &str, expected: &[f64], got: &[f64]) -> Result<(), Difference> {
    if expected.len() != got.len() {
        let count = |values: &[f64]| format!("{} numbers", values.len());
        return Err(Difference::at(step, field, count(expected), count(got)));
    }
    match expected.iter().zip(got).position(|(a, b)| !same_bits(*a, *b)) {
        None => Ok(()),
        Some(place) => {
            let field = format!("{field}[{place}]");
            Err(Difference::at(step, field, shown(expected[place]), shown(got[place])))
        }
    }
}

/// A second world that knows of the episode only what checkpoints hold.
struct Twin {
    world: World,
    state: Vec<f64>,
}

impl Twin {
    fn new(simulator: &Simulator, world: &World) -> Result<Twin, SimError> {
        let mut twin = simulator.episode_at(&world.env_id(), world.task_vector())?;
        // Some history of its own, so that whatever survives a restore can show.
        twin.step(Action::exact([1.0, -1.0, 1.0, 1.0]).expect("inside the box"))?;
        Ok(Twin { world: twin, state: Vec::new() })
    }

    fn put_back(&mut self, world: &World) -> Result<(), SimError> {
        self.world.restore(&world.checkpoint())
    }

    /// Takes the step that `original` has just taken, and compares.
    fn step(&mut self, number: u32, action: Action, original: &World, expected: &StepResult) -> Result<(), Stop> {
        let result = self.world.step(action)?;
        if !same_bits(result.reward, expected.reward) {
            let (expected, got) = (shown(expected.reward), shown(result.reward));
            return Err(Difference::at(number, "reward after a restored checkpoint", expected, got).into());
        }
        let mut state = Vec::new();
        original.integration_state(&mut state);
        self.world.integration_state(&mut self.state);
        compare_doubles(
            number,
            "observation after a restored checkpoint",
            original.observation(),
            self.world.observation(),
        )?;
        Ok(compare_doubles(number, "state after a restored checkpoint", &state, &self.state)?)
    }
}
