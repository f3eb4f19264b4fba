//! The flags `--cameras`, `--camera-size` and `--hide-marks`, which several commands have.

use anyhow::bail;
use clap::Args;

use crate::domain::{CameraSetting, Marks, standard_cameras};
use crate::sim::CAMERAS;

/// What policies are shown.
#[derive(Debug, Args)]
pub struct CameraArgs {
    /// What policies see: `standard` (corner and gripper; the default), `none`, or MetaWorld's cameras by name, apart by
    /// commas
    #[arg(long, value_name = "NAME,…")]
    cameras: Option<String>,

    /// Width and height of the pictures in pixels, 8 to 1024
    #[arg(long, value_name = "PIXELS", default_value_t = 84, value_parser = clap::value_parser!(u32).range(8..=1024))]
    camera_size: u32,

    /// Draw no marks of goals and handles, which MetaWorld's own pictures show
    #[arg(long)]
    hide_marks: bool,
}

impl CameraArgs {
    /// Whether anything was asked for.
    pub fn given(&self) -> bool {
        self.cameras.is_some()
    }

    /// The contest's setting.
    ///
    /// # Errors
    /// An unknown name, or one that stands twice.
    pub fn settings(&self) -> anyhow::Result<Vec<CameraSetting>> {
        let mut settings = match self.cameras.as_deref() {
            None | Some("standard") => standard_cameras(),
            Some("none") => Vec::new(),
            Some(names) => model_cameras(names.split(','), self.camera_size)?,
        };
        for camera in &mut settings {
            (camera.width, camera.height) = (self.camera_size.try_into()?, self.camera_size.try_into()?);
            camera.marks = if self.hide_marks { Marks::Hidden } else { Marks::AsMetaworld };
        }
        Ok(settings)
    }
}

/// MetaWorld's cameras of these names, upright.
///
/// # Errors
/// A name that MetaWorld's models do not have, or one that stands twice.
pub fn model_cameras<'a>(names: impl Iterator<Item = &'a str>, size: u32) -> anyhow::Result<Vec<CameraSetting>> {
    let mut settings: Vec<CameraSetting> = Vec::new();
    for name in names.map(str::trim) {
        if !CAMERAS.contains(&name) {
            bail!("{name:?} is no camera of MetaWorld's: these are {}", CAMERAS.join(", "));
        }
        if settings.iter().any(|setting| setting.name.as_str() == name) {
            bail!("the camera {name} was asked for twice");
        }
        settings.push(CameraSetting::upright(name, size.try_into()?)?);
    }
    Ok(settings)
}
