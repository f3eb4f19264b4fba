//! The numbers of one episode, and its pictures one by one.

use super::DatasetError;
use super::statistics::PictureStatistics;
use crate::domain::{CameraSetting, EnvId, Frame, Outcome};
use crate::replay::{Playback, PlaybackError};
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// What a table holds of an episode: a row for each step.
#[derive(Debug, Clone)]
pub struct EpisodeRows {
    /// The environment.
    pub environment: EnvId,
    /// Whether the episode was successful.
    pub success: bool,
    /// The four numbers that a policy is sent before each step: x, y, z in metres, opening of the fingers 0 to 1.
    pub states: Vec<[f32; 4]>,
    /// The action of each step in the protocol's convention: the last number is -1 to close, +1 to open.
    pub actions: Vec<[f32; 4]>,
    /// The reward of each step.
    pub rewards: Vec<f32>,
    /// Whether the world was in a successful state after each step.
    pub successes: Vec<bool>,
    /// What was counted of the pictures of each camera, in the order of the cameras.
    pub pictures: Vec<PictureStatistics>,
}

impl EpisodeRows {
    /// Takes a recorded episode again and notes its numbers; no pictures yet.
    pub(super) fn of(transcript: &Transcript, simulator: &Simulator) -> Result<EpisodeRows, DatasetError> {
        let mut playback = Playback::begin(transcript, simulator)?;
        let mut states = Vec::with_capacity(transcript.steps.len());
        for _ in &transcript.steps {
            states.push(playback.observation().values().map(|value| value as f32));
            playback.step().map_err(PlaybackError::from)?;
        }
        let profile = transcript.header.profile;
        let actions = transcript.steps.iter().map(|step| profile.to_wire(step.applied).map(|value| value as f32));
        Ok(EpisodeRows {
            environment: transcript.header.environment.clone(),
            success: transcript.footer.outcome == Outcome::Success,
            states,
            actions: actions.collect(),
            rewards: transcript.steps.iter().map(|step| step.reward as f32).collect(),
            successes: transcript.steps.iter().map(|step| step.success).collect(),
            pictures: Vec::new(),
        })
    }
}

/// Takes a recorded episode again and shows what one camera sees before each step.
pub(super) fn each_picture(
    transcript: &Transcript,
    camera: &CameraSetting,
    simulator: &Simulator,
    mut show: impl FnMut(&Frame) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    let mut playback = Playback::begin(transcript, simulator)?;
    let views = playback.views(std::slice::from_ref(camera)).map_err(PlaybackError::from)?;
    for _ in &transcript.steps {
        for image in playback.seen(&views).map_err(PlaybackError::from)? {
            show(&image.frame)?;
        }
        playback.step().map_err(PlaybackError::from)?;
    }
    Ok(())
}
