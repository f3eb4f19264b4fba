//! A recorded episode taken again, for whoever wants to look at it.

use super::Unsupported;
use crate::domain::{Action, CameraSetting, Image, PolicyObservation, RendererProfile};
use crate::sim::{SimError, Simulator, Views, World};
use crate::transcript::Transcript;

/// The world of a transcript, moved on by its recorded actions. Nothing is compared: [`replay`](super::replay) does that.
pub struct Playback {
    world: World,
    actions: std::vec::IntoIter<Action>,
    renderer: RendererProfile,
}

/// Why an episode cannot be taken again.
#[derive(Debug, thiserror::Error)]
pub enum PlaybackError {
    /// It would be another episode.
    #[error("{0}")]
    Unsupported(Box<Unsupported>),
    /// The engine could not run it.
    #[error(transparent)]
    Sim(#[from] SimError),
}

impl Playback {
    /// The world as it was reset.
    ///
    /// # Errors
    /// [`PlaybackError`]; another renderer is no reason, since whatever is drawn is drawn here.
    pub fn begin(transcript: &Transcript, simulator: &Simulator) -> Result<Playback, PlaybackError> {
        let header = &transcript.header;
        if let Some(unsupported) = Unsupported::between(&header.engine, simulator.fingerprint()) {
            return Err(PlaybackError::Unsupported(Box::new(unsupported)));
        }
        let world = simulator.episode(&header.environment, &header.seed, header.randomisation)?;
        let actions: Vec<Action> = transcript.steps.iter().map(|step| step.applied).collect();
        Ok(Playback { world, actions: actions.into_iter(), renderer: header.renderer.profile() })
    }

    /// Takes the next step; `false` after the last.
    ///
    /// # Errors
    /// When the engine fails.
    pub fn step(&mut self) -> Result<bool, SimError> {
        match self.actions.next() {
            None => Ok(false),
            Some(action) => self.world.step(action).map(|_| true),
        }
    }

    /// The numbers that a policy is sent now; no pictures.
    pub fn observation(&self) -> PolicyObservation {
        PolicyObservation::of(self.world.observation())
    }

    /// Finds cameras, whose pictures the reference renderer will draw. Any camera of the model will do, whatever the episode
    /// was recorded with.
    ///
    /// # Errors
    /// [`SimError::NoSuchCamera`].
    pub fn views(&self, cameras: &[CameraSetting]) -> Result<Views, SimError> {
        self.world.views(RendererProfile::Reference, cameras)
    }

    /// What the cameras of `views` see now, in their order.
    ///
    /// # Errors
    /// No memory.
    pub fn seen(&mut self, views: &Views) -> Result<Vec<Image>, SimError> {
        self.world.seen(views)
    }

    /// What cameras see now, in their order, drawn by the renderer that the episode was recorded with.
    ///
    /// # Errors
    /// [`SimError::NoSuchCamera`]; a renderer that cannot draw here; no memory.
    pub fn recorded_pictures(&mut self, cameras: &[CameraSetting]) -> Result<Vec<Image>, SimError> {
        self.world.pictures_by(self.renderer, cameras)
    }
}
