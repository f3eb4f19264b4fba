//! Videos of recorded episodes.

use std::path::Path;

use super::media::{FrameRate, MediaError, VideoWriter, beside};
use crate::domain::{CameraSetting, Frame};
use crate::replay::{Playback, PlaybackError};
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// Why there is no video.
#[derive(Debug, thiserror::Error)]
pub enum FootageError {
    /// The episode cannot be taken again.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// It cannot be written.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// There would be nothing to see.
    #[error("a video needs a camera: name one")]
    NoCamera,
}

/// Takes a recorded episode again and writes what cameras see of it, side by side, a picture for the reset and one for each
/// step. `done` is told of each picture. Returns the file's size in bytes.
///
/// # Errors
/// [`FootageError`]; no file is left then.
pub fn write_video(
    path: &Path,
    rate: FrameRate,
    transcript: &Transcript,
    cameras: &[CameraSetting],
    simulator: &Simulator,
    done: &dyn Fn(u64),
) -> Result<u64, FootageError> {
    let mut video = VideoWriter::create(path, rate, pictures_of(transcript))?;
    let mut playback = Playback::begin(transcript, simulator)?;
    let views = playback.views(cameras).map_err(PlaybackError::from)?;
    for number in 1.. {
        let images = playback.seen(&views).map_err(PlaybackError::from)?;
        let frames: Vec<Frame> = images.into_iter().map(|image| image.frame).collect();
        video.push(&beside(&frames).ok_or(FootageError::NoCamera)?)?;
        done(number);
        if !playback.step().map_err(PlaybackError::from)? {
            break;
        }
    }
    Ok(video.finish()?)
}

/// Pictures of a video of an episode: the reset and every step.
pub fn pictures_of(transcript: &Transcript) -> u32 {
    transcript.steps.len() as u32 + 1
}
