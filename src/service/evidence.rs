//! The two pictures behind a difference between digests: ours, drawn again, and the recorded one where somebody kept it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::media::{Contrast, MediaError, contrast, read_png, write_png};
use crate::domain::{Frame, Image};
use crate::replay::{Difference, Playback, PlaybackError};
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// Deepest folder below the given one that is looked into.
const MAX_DEPTH: usize = 3;

/// What was written of a picture that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Evidence {
    /// The picture as it is drawn here.
    pub ours: PathBuf,
    /// The recorded one, if it was found.
    pub recorded: Option<Recorded>,
}

/// A recorded picture that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Where it was found.
    pub found: PathBuf,
    /// Its copy beside ours.
    pub copy: PathBuf,
    /// The picture of what differs.
    pub difference: PathBuf,
    /// How much differs.
    pub contrast: Contrast,
}

/// Why a picture that differs could not be written.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The first difference is one that no picture shows.
    #[error("no picture was written: the first difference is not of a picture but {0}")]
    NotOfAPicture(String),
    /// The episode cannot be taken again.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// A picture cannot be written.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A folder that cannot be made or read.
    #[error("{}: {source}; name a folder that can be read and written", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// Draws the picture that `difference` of `transcript` is about and writes it into `folder`; with it the recorded picture and
/// the difference of both, if a PNG file below `recorded` has just the pixels whose digest was recorded.
///
/// # Errors
/// [`EvidenceError`].
pub fn write_evidence(
    folder: &Path,
    recorded: Option<&Path>,
    transcript: &Transcript,
    difference: &Difference,
    simulator: &Simulator,
) -> Result<Evidence, EvidenceError> {
    let not_of_a_picture = || EvidenceError::NotOfAPicture(difference.to_string());
    let (step, camera) = difference.frame().ok_or_else(not_of_a_picture)?;
    let ours = draw(transcript, simulator, step, camera)?.ok_or_else(not_of_a_picture)?;
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| EvidenceError::Folder { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    let file =
        |what: &str| folder.join(format!("{}-{}-{what}.png", transcript.id().short(), picture_name(step, camera)));
    let path = file("ours");
    write_png(&path, &ours.frame)?;
    let mut evidence = Evidence { ours: path, recorded: None };
    let Some(place) = recorded else { return Ok(evidence) };
    let wanted = |frame: &Frame| {
        let image = Image { camera: ours.camera.clone(), frame: frame.clone() };
        image.digest().to_string() == difference.got
    };
    let Some((found, frame)) = find(place, &wanted).map_err(failed(place))? else { return Ok(evidence) };
    if let Some(contrast) = contrast(&ours.frame, &frame) {
        let (copy, difference) = (file("recorded"), file("difference"));
        write_png(&copy, &frame)?;
        write_png(&difference, &contrast.picture)?;
        evidence.recorded = Some(Recorded { found, copy, difference, contrast });
    }
    Ok(evidence)
}

/// What files of pictures are called: the step, 0 being the reset, and the camera.
pub fn picture_name(step: u32, camera: &str) -> String {
    format!("step-{step:04}-{camera}")
}

/// What a camera of a transcript sees at a step; `None` if it has no such camera or step.
fn draw(
    transcript: &Transcript,
    simulator: &Simulator,
    step: u32,
    camera: &str,
) -> Result<Option<Image>, PlaybackError> {
    let Some(setting) = transcript.header.cameras.iter().find(|setting| setting.name.as_str() == camera) else {
        return Ok(None);
    };
    let mut playback = Playback::begin(transcript, simulator)?;
    for _ in 0..step {
        if !playback.step()? {
            return Ok(None);
        }
    }
    Ok(playback.recorded_pictures(std::slice::from_ref(setting))?.pop())
}

/// The first picture below a folder, in the order of names, that is `wanted`.
fn find(folder: &Path, wanted: &dyn Fn(&Frame) -> bool) -> io::Result<Option<(PathBuf, Frame)>> {
    let mut files = Vec::new();
    list(folder, MAX_DEPTH, &mut files)?;
    files.sort();
    for path in files {
        if let Some(frame) = read_png(&path)?
            && wanted(&frame)
        {
            return Ok(Some((path, frame)));
        }
    }
    Ok(None)
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() && depth > 0 {
            list(&path, depth - 1, files)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "png") {
            files.push(path);
        }
    }
    Ok(())
}
