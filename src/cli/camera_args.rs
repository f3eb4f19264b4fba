//! The flags `--cameras`, `--camera-size` and `--hide-marks`, which several commands have.

use anyhow::bail;
use clap::Args;

use crate::domain::{CameraSetting, Marks, Side, camera_problems, standard_cameras};
use crate::sim::CAMERAS;

/// What is drawn for policies.
#[derive(Debug, Args)]
pub struct CameraArgs {
    /// What policies are sent: `standard` (corner and gripper; the default), `none`, or MetaWorld's cameras by name, apart by
    /// commas
    #[arg(long, value_name = "NAME,…")]
    cameras: Option<String>,

    /// Width and height of the pictures in pixels, 8 to 1024; default 84
    #[arg(long, value_name = "PIXELS")]
    camera_size: Option<Side>,

    /// Draw no marks of goals and handles, which MetaWorld's own pictures show
    #[arg(long)]
    hide_marks: bool,
}

impl CameraArgs {
    /// Whether pictures were asked for, or none.
    pub fn given(&self) -> bool {
        self.cameras.is_some() || self.camera_size.is_some() || self.hide_marks
    }

    /// The contest's setting.
    ///
    /// # Errors
    /// An unknown name; cameras that no contest may have together, as of settings; how pictures of no camera should be.
    pub fn settings(&self) -> anyhow::Result<Vec<CameraSetting>> {
        let mut settings = match self.cameras.as_deref() {
            None | Some("standard") => standard_cameras(),
            Some("none") if self.camera_size.is_some() || self.hide_marks => {
                bail!(
                    "--camera-size and --hide-marks are of pictures, and with --cameras none there are none: leave one out"
                )
            }
            Some("none") => Vec::new(),
            Some(names) => model_cameras(names.split(','))?,
        };
        for camera in &mut settings {
            if let Some(side) = self.camera_size {
                (camera.width, camera.height) = (side, side);
            }
            camera.marks = if self.hide_marks { Marks::Hidden } else { Marks::AsMetaworld };
        }
        let problems = camera_problems(&settings);
        if !problems.is_empty() {
            bail!("--cameras: {}", problems.join("; "));
        }
        Ok(settings)
    }
}

/// MetaWorld's cameras of these names, upright, in the size of the standard ones.
///
/// # Errors
/// A name that MetaWorld's models do not have.
pub fn model_cameras<'a>(names: impl Iterator<Item = &'a str>) -> anyhow::Result<Vec<CameraSetting>> {
    let one = |name: &str| {
        if !CAMERAS.contains(&name) {
            bail!("{name:?} is no camera of MetaWorld's: these are {}", CAMERAS.join(", "));
        }
        Ok(CameraSetting::upright(name, Side::default())?)
    };
    names.map(str::trim).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(cameras: Option<&str>, size: Option<&str>, hide_marks: bool) -> Result<Vec<CameraSetting>, String> {
        let camera_size =
            size.map(str::parse).transpose().map_err(|error: crate::domain::ParseError| error.to_string())?;
        let args = CameraArgs { cameras: cameras.map(str::to_owned), camera_size, hide_marks };
        args.settings().map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_they_are_the_default_contests() {
        assert_eq!(settings(None, None, false).unwrap(), crate::domain::Contest::default().cameras);
        assert_eq!(settings(Some("standard"), None, false), settings(None, None, false));
        assert_eq!(settings(Some("none"), None, false).unwrap(), []);
        assert!(!CameraArgs { cameras: None, camera_size: None, hide_marks: false }.given());
        assert!(CameraArgs { cameras: None, camera_size: Some(Side::default()), hide_marks: false }.given());
        assert!(CameraArgs { cameras: None, camera_size: None, hide_marks: true }.given());
    }

    #[test]
    fn size_and_marks_are_of_whatever_cameras_there_are() {
        for cameras in [None, Some("standard"), Some("corner2, gripperPOV")] {
            let settings = settings(cameras, Some("16"), true).unwrap();
            assert_eq!(settings.len(), 2);
            for camera in settings {
                assert_eq!((camera.width.get(), camera.height.get(), camera.marks), (16, 16, Marks::Hidden));
            }
        }
        assert!(settings(Some("none"), Some("16"), false).unwrap_err().contains("leave one out"));
        assert!(settings(Some("none"), None, true).unwrap_err().contains("leave one out"));
    }

    #[test]
    fn what_no_contest_may_have_is_refused_as_in_settings() {
        assert!(settings(None, Some("7"), false).unwrap_err().contains("expected 8 to 1024 pixels"));
        assert!(settings(None, Some("many"), false).unwrap_err().contains("expected 8 to 1024 pixels"));
        assert!(settings(Some("corner,door"), None, false).unwrap_err().contains("topview, corner, corner2"));
        assert!(settings(Some("corner,corner"), None, false).unwrap_err().contains("corner stands twice"));
        let three = settings(Some("corner,corner2,corner3"), Some("1024"), false).unwrap_err();
        assert!(three.contains("3145728 pixels, more than 2097152; make them smaller"), "{three}");
        assert!(settings(Some("corner,corner2"), Some("1024"), false).is_ok());
    }
}
