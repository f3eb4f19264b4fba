//! The flags `--video`, `--camera`, `--size` and `--rate` of `kinitro replay`.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;

use super::camera_args::model_cameras;
use super::progress::Progress;
use crate::domain::{CameraSetting, Side, standard_cameras};
use crate::service::footage::{pictures_of, write_video};
use crate::service::media::{FrameRate, VideoWriter};
use crate::sim::{CAMERAS, Simulator};
use crate::transcript::Transcript;

/// Pixels on a side of cameras that the transcript does not have.
const DEFAULT_SIZE: u32 = 256;

/// What video is made of an episode.
#[derive(Debug, Args)]
pub struct VideoArgs {
    /// Write a video of the episode, drawn here: H.264 in .mp4, or an animated .png, which loses nothing
    #[arg(long = "video", id = "video", value_name = "FILE.mp4|.png")]
    pub path: Option<PathBuf>,

    /// Cameras of the video, side by side, apart by commas: names of the transcript's cameras, or MetaWorld's; `all` are
    /// MetaWorld's seven. Default: the transcript's, or corner and gripper if it has none
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', requires = "video")]
    camera: Vec<String>,

    /// Width and height of each camera's pictures in pixels. Default: as recorded, 256 for other cameras
    #[arg(long, value_name = "PIXELS", requires = "video", value_parser = clap::value_parser!(u32).range(8..=1024))]
    size: Option<u32>,

    /// Pictures a second; 80 are real time
    #[arg(long, value_name = "N", requires = "video", default_value_t = 80)]
    rate: u32,
}

impl VideoArgs {
    /// Refuses at once what could not be written after a long replay.
    ///
    /// # Errors
    /// Another ending than .mp4 or .png, a rate that no player shows, or an unknown camera.
    pub fn check(&self, transcript: &Transcript) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        VideoWriter::check_name(path)?;
        FrameRate::new(self.rate)?;
        self.cameras(transcript).map(drop)
    }

    /// Writes the video, if one was asked for, and says so.
    ///
    /// # Errors
    /// An unknown camera, an engine that cannot take the episode again, or a file that cannot be written.
    pub fn write(&self, transcript: &Transcript, simulator: &Simulator) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let cameras = self.cameras(transcript)?;
        let pictures = pictures_of(transcript);
        let progress = Progress::new("pictures", pictures.into());
        let rate = FrameRate::new(self.rate)?;
        let written = write_video(path, rate, transcript, &cameras, simulator, &|done| progress.set(done));
        progress.clear();
        let names = cameras.iter().map(|camera| camera.name.as_str()).collect::<Vec<_>>().join(", ");
        println!("{}: {pictures} pictures of {names}, {} bytes", path.display(), written?);
        Ok(())
    }

    fn cameras(&self, transcript: &Transcript) -> anyhow::Result<Vec<CameraSetting>> {
        let recorded = &transcript.header.cameras;
        let mut cameras = match &self.camera[..] {
            [] if recorded.is_empty() => sized(standard_cameras(), self.size.unwrap_or(DEFAULT_SIZE))?,
            [] => recorded.clone(),
            [all] if all == "all" => sized(model_cameras(CAMERAS.into_iter())?, DEFAULT_SIZE)?,
            names => names.iter().map(|name| one(name, recorded)).collect::<anyhow::Result<_>>()?,
        };
        if let Some(size) = self.size {
            cameras = sized(cameras, size)?;
        }
        Ok(cameras)
    }
}

/// The transcript's camera of that name, or else MetaWorld's.
fn one(name: &str, recorded: &[CameraSetting]) -> anyhow::Result<CameraSetting> {
    if let Some(camera) = recorded.iter().find(|camera| camera.name.as_str() == name) {
        return Ok(camera.clone());
    }
    match CAMERAS.contains(&name) {
        true => Ok(CameraSetting::upright(name, Side::try_from(DEFAULT_SIZE)?)?),
        false => {
            let own = recorded.iter().map(|camera| camera.name.as_str()).chain(CAMERAS).collect::<Vec<_>>().join(", ");
            bail!("{name:?} is no camera of this transcript or of MetaWorld's: there are {own}, and `all`")
        }
    }
}

fn sized(mut cameras: Vec<CameraSetting>, size: u32) -> anyhow::Result<Vec<CameraSetting>> {
    let side = Side::try_from(size)?;
    cameras.iter_mut().for_each(|camera| (camera.width, camera.height) = (side, side));
    Ok(cameras)
}
