//! One episode under way.

use crate::domain::{
    Action, CameraSetting, Digest, Fault, FaultReason, Image, MissReason, MissedSteps, PolicyObservation, PolicyReply,
    RendererProfile,
};
use crate::sim::{SimError, World};
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

/// One episode under way: a world, its record, and the count of what the policy missed.
pub struct Rollout {
    world: World,
    recorder: Recorder,
    rules: EpisodeRules,
    missed: MissedSteps,
    last_action: Action,
    succeeded: bool,
    ended_by: Option<Fault>,
    over: bool,
    state: Vec<f64>,
    renderer: RendererProfile,
    cameras: Vec<CameraSetting>,
    pictures: Vec<Image>,
}

impl Rollout {
    /// Starts recording `world`, which has just been reset, with the cameras and the renderer of the header.
    ///
    /// # Errors
    /// A camera that the world's model does not have; a renderer that cannot draw here; no memory.
    pub fn start(mut world: World, header: Header, rules: EpisodeRules) -> Result<Rollout, SimError> {
        let mut state = Vec::new();
        world.integration_state(&mut state);
        let (renderer, cameras) = (header.renderer.profile(), header.cameras.clone());
        let pictures = world.pictures_by(renderer, &cameras)?;
        let frames = digests(&pictures);
        let observed = Observed { observation: world.observation(), state: &state, frames: &frames };
        let recorder = Recorder::new(header, observed);
        let missed = MissedSteps::new(&rules.limits, rules.max_steps);
        Ok(Rollout {
            world,
            recorder,
            rules,
            missed,
            last_action: Action::ZERO,
            succeeded: false,
            ended_by: None,
            over: false,
            state,
            renderer,
            cameras,
            pictures,
        })
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
        let Ok(result) = self.world.step(action) else {
            // The action is checked and the step limit is ours, so the engine itself has failed.
            return self.end(Some(Fault::new(FaultReason::EngineFailure)));
        };
        self.last_action = action;
        self.succeeded |= result.success;
        let Ok(pictures) = self.world.pictures_by(self.renderer, &self.cameras) else {
            return self.end(Some(Fault::new(FaultReason::EngineFailure)));
        };
        self.pictures = pictures;
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

    /// The finished record. An episode that was not over is broken off as lost by us.
    pub fn finish(mut self) -> Transcript {
        if !self.over {
            self.abort(Fault::new(FaultReason::ExecutorLost));
        }
        self.recorder.finish(self.ended_by)
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
