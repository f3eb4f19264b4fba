//! One episode under way.

use crate::domain::{
    Action, Digest, Encoding, Fault, FaultReason, Image, MissReason, MissedSteps, PolicyObservation, PolicyReply,
};
use crate::sim::{SimError, Views, World};
use crate::transcript::{Header, Observed, Recorder, StepInput, Transcript};

use super::EpisodeRules;

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// Ask the policy for an action on this observation.
    Observe(PolicyObservation),
    /// The episode is over: take its transcript by [`Rollout::finish`].
    Over,
}

/// A world that has just been reset, with its first pictures: an episode that can begin without any more work, as soon as
/// its policy is ready.
pub struct Opening {
    world: World,
    header: Header,
    rules: EpisodeRules,
    state: Vec<f64>,
    views: Views,
    pictures: Vec<Image>,
    /// What the record says of the pictures: large ones take a while to hash.
    frames: Vec<Digest>,
}

impl Opening {
    /// Draws what `world`, which has just been reset, shows, with the cameras and the renderer of the header.
    ///
    /// # Errors
    /// A camera that the world's model does not have; a renderer that cannot draw here; no memory.
    pub fn draw(mut world: World, header: Header, rules: EpisodeRules) -> Result<Opening, SimError> {
        let mut state = Vec::new();
        world.integration_state(&mut state);
        let views = world.views(header.renderer.profile(), &header.cameras)?;
        let pictures = world.seen(&views)?;
        let frames = digests(&pictures);
        Ok(Opening { world, header, rules, state, views, pictures, frames })
    }

    /// Starts the record of the episode, played in this encoding.
    pub fn begin(self, encoding: Option<Encoding>) -> Rollout {
        let Opening { world, header, rules, state, views, pictures, frames } = self;
        let observed = Observed { observation: world.observation(), state: &state, frames: &frames };
        let recorder = Recorder::new(Header { encoding, ..header }, observed);
        let missed = MissedSteps::new(&rules.limits, rules.max_steps);
        Rollout {
            world,
            recorder,
            rules,
            missed,
            last_action: Action::ZERO,
            succeeded: false,
            ended_by: None,
            failure: None,
            over: false,
            state,
            views,
            pictures,
        }
    }
}

/// One episode under way: a world, its record, and the count of what the policy missed.
pub struct Rollout {
    world: World,
    recorder: Recorder,
    rules: EpisodeRules,
    missed: MissedSteps,
    last_action: Action,
    succeeded: bool,
    ended_by: Option<Fault>,
    /// What the engine said when it failed.
    failure: Option<SimError>,
    over: bool,
    state: Vec<f64>,
    views: Views,
    pictures: Vec<Image>,
}

impl Rollout {
    /// Starts recording `world`, which has just been reset, with the cameras and the renderer of the header.
    ///
    /// # Errors
    /// As [`Opening::draw`].
    pub fn start(world: World, header: Header, rules: EpisodeRules) -> Result<Rollout, SimError> {
        let encoding = header.encoding;
        Ok(Opening::draw(world, header, rules)?.begin(encoding))
    }

    /// What the policy may see now.
    pub fn observation(&self) -> PolicyObservation {
        PolicyObservation { images: self.pictures.clone(), ..PolicyObservation::of(self.world.observation()) }
    }

    /// What the cameras see now, in the order of the header.
    pub fn pictures(&self) -> &[Image] {
        &self.pictures
    }

    /// The world as it stands, for policies of ours that see everything.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u32 {
        self.world.steps()
    }

    /// Applies one reply (a missed one holds the arm still), records the step, and says what comes next.
    ///
    /// # Panics
    /// When the episode is already over.
    pub fn step(&mut self, reply: &PolicyReply) -> Turn {
        assert!(!self.over, "a step was asked of an episode that is over");
        let (action, answer) = self.action_of(reply);
        let result = match self.world.step(action) {
            Ok(result) => result,
            // The action is checked and the step limit is ours, so the engine itself has failed.
            Err(error) => return self.fail(error),
        };
        self.last_action = action;
        self.succeeded |= result.success;
        self.pictures = match self.world.seen(&self.views) {
            Ok(pictures) => pictures,
            Err(error) => return self.fail(error),
        };
        let frames = digests(&self.pictures);
        self.world.integration_state(&mut self.state);
        self.recorder.step(StepInput {
            reply,
            applied: action,
            observed: Observed { observation: self.world.observation(), state: &self.state, frames: &frames },
            reward: result.reward,
            success: result.success,
            warnings: result.warnings,
        });
        if result.unstable {
            return self.end(Some(Fault::new(FaultReason::SimulationUnstable)));
        }
        if let Some(reason) = self.missed.note(answer) {
            return self.end(Some(Fault::new(reason)));
        }
        let done = self.world.steps() >= self.rules.max_steps || (self.rules.stop_on_success && self.succeeded);
        if done { self.end(None) } else { Turn::Observe(self.observation()) }
    }

    /// Breaks the episode off, for a reason that no reply shows.
    pub fn abort(&mut self, fault: Fault) {
        self.end(Some(fault));
    }

    /// What the engine said when it broke the episode off; the record has only the fault. Taken, it is gone.
    pub fn take_failure(&mut self) -> Option<SimError> {
        self.failure.take()
    }

    /// The finished record. An episode that was not over is broken off as lost by us.
    pub fn finish(mut self) -> Transcript {
        if !self.over {
            self.abort(Fault::new(FaultReason::ExecutorLost));
        }
        self.recorder.finish(self.ended_by)
    }

    fn fail(&mut self, error: SimError) -> Turn {
        self.failure = Some(error);
        self.end(Some(Fault::new(FaultReason::EngineFailure)))
    }

    fn end(&mut self, fault: Option<Fault>) -> Turn {
        self.over = true;
        self.ended_by = fault;
        Turn::Over
    }

    fn action_of(&self, reply: &PolicyReply) -> (Action, Result<(), MissReason>) {
        match reply.answer {
            Ok(sent) => match self.rules.profile.to_action(sent) {
                Some(action) => (action, Ok(())),
                // Clients refuse numbers that are not finite; should one slip through, it is malformed.
                None => (Action::hold(self.last_action), Err(MissReason::Malformed)),
            },
            Err(reason) => (Action::hold(self.last_action), Err(reason)),
        }
    }
}

/// What a record says of the pictures of a step.
fn digests(pictures: &[Image]) -> Vec<Digest> {
    pictures.iter().map(Image::digest).collect()
}

// In a build without GL the renderer `mujoco-gl` fails wherever it is asked.
#[cfg(all(test, not(feature = "gl")))]
mod tests {
    use super::*;
    use crate::domain::{Contest, PolicyProfile, RendererProfile, standard_cameras};
    use crate::sim::Simulator;
    use crate::transcript::sample;

    #[test]
    fn why_a_picture_could_not_be_drawn_is_kept_beside_the_fault() {
        let simulator = Simulator::locate(None).unwrap();
        let header = sample::header(false);
        let world = simulator.episode(&header.environment, &header.seed, header.randomisation).unwrap();
        let rules = EpisodeRules::of(&Contest::default(), PolicyProfile::KinitroV1);
        let mut rollout = Rollout::start(world, header, rules).unwrap();
        let reply = PolicyReply { answer: Ok([0.0; 4]), latency_us: 0, bytes: 0 };
        assert!(matches!(rollout.step(&reply), Turn::Observe(_)) && rollout.failure.is_none());
        rollout.views = rollout.world.views(RendererProfile::MujocoGl, &standard_cameras()).unwrap();
        assert_eq!(rollout.step(&reply), Turn::Over);
        assert!(rollout.take_failure().unwrap().to_string().contains("mujoco-gl"));
        assert_eq!(rollout.finish().footer.fault, Some(Fault::new(FaultReason::EngineFailure)));
    }
}
