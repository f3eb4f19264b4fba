//! An episode as a video inside a page.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use super::ReportError;
use crate::domain::{CameraSetting, Digest, EnvId, Outcome, Side, standard_cameras};
use crate::service::footage::{FootageError, write_video};
use crate::service::media::{FrameRate, MediaError};
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// Pixels on a side of each camera's pictures: enough for a phone, little enough to send.
const SIDE: u32 = 160;

/// An episode that is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Clip {
    /// The environment.
    pub env_id: EnvId,
    /// Which episode of the trial.
    pub index: u32,
    /// Whether it was successful.
    pub success: bool,
    /// Steps that were played.
    pub steps: u32,
    /// The first step after which the world was in a successful state.
    pub first_success_step: Option<u32>,
    /// Total reward.
    pub total_reward: f64,
    /// Why it ended early, if it did.
    pub fault: Option<String>,
    /// Id of its transcript.
    pub transcript: Digest,
    /// H.264 in MP4, as base64.
    #[serde(skip)]
    pub video: String,
}

impl Clip {
    /// Takes the episode again and draws it through the cameras of the default contest.
    ///
    /// # Errors
    /// A folder for the time being that cannot be made, or an episode that cannot be taken again.
    pub fn draw(transcript: &Transcript, simulator: &Simulator) -> Result<Clip, ReportError> {
        let folder = Scratch::new()?;
        let path = folder.0.join("episode.mp4");
        let failed = |source| ReportError::File { path: path.clone(), source };
        write_video(&path, FrameRate::REAL_TIME, transcript, &cameras()?, simulator, &|_| {})?;
        let video = BASE64_STANDARD.encode(fs::read(&path).map_err(failed)?);
        let footer = &transcript.footer;
        Ok(Clip {
            env_id: transcript.header.environment.clone(),
            index: transcript.header.index,
            success: footer.outcome == Outcome::Success,
            steps: footer.steps,
            first_success_step: footer.first_success_step,
            total_reward: footer.total_reward,
            fault: footer.fault.map(|fault| fault.reason.slug().to_owned()),
            transcript: transcript.id(),
            video,
        })
    }
}

fn cameras() -> Result<Vec<CameraSetting>, ReportError> {
    let side = Side::try_from(SIDE).map_err(|error| FootageError::Media(MediaError::Encoder(error.to_string())))?;
    let sized = |camera| CameraSetting { width: side, height: side, ..camera };
    Ok(standard_cameras().into_iter().map(sized).collect())
}

/// A folder of our own that goes away with this value.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, ReportError> {
        let path = std::env::temp_dir().join(format!("kinitro-report-{}", std::process::id()));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ReportError::File { path, source }
        };
        fs::create_dir(&path).map_err(failed(&path))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
