//! An episode as a video inside a page.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
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

/// A folder of our own, with a name that nobody can guess, which goes away with this value.
struct Scratch(std::path::PathBuf);

impl Scratch {
    fn new() -> Result<Scratch, ReportError> {
        let mut chance = [0_u8; 16];
        let drawn = getrandom::fill(&mut chance).map_err(|error| io::Error::other(error.to_string()));
        let path = std::env::temp_dir().join(format!("kinitro-report-{}", hex::encode(chance)));
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| ReportError::File { path, source }
        };
        drawn.and_then(|()| fs::DirBuilder::new().mode(0o700).create(&path)).map_err(failed(&path))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::Scratch;

    #[test]
    fn a_folder_for_the_time_being_is_ours_alone() {
        let (one, other) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        assert_ne!(one.0, other.0);
        let path = one.0.clone();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(one);
        assert!(!path.exists() && other.0.is_dir());
    }
}
