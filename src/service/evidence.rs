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
#[derive(Debug)]
pub struct Evidence {
    /// The picture as it is drawn here.
    pub ours: PathBuf,
    /// The recorded one, if it was found.
    pub recorded: Option<Recorded>,
    /// Files and folders where it was looked for that could not be read, with the system's error.
    pub unread: Vec<(PathBuf, io::Error)>,
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
    #[error(
        "no picture was written: the first difference is not of a recorded picture but {0}; pictures after it were not looked at"
    )]
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
    let mut evidence = Evidence { ours: path, recorded: None, unread: Vec::new() };
    let Some(place) = recorded else { return Ok(evidence) };
    let wanted = |frame: &Frame| {
        let image = Image { camera: ours.camera.clone(), frame: frame.clone() };
        image.digest().to_string() == difference.got
    };
    let found = find(place, &read_png, &wanted, &mut evidence.unread).map_err(failed(place))?;
    let Some((found, frame)) = found else { return Ok(evidence) };
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

/// The first picture below a folder, in the order of names, that is `wanted`. What cannot be read is passed over and noted in
/// `unread`.
///
/// # Errors
/// When the folder itself cannot be read.
fn find(
    folder: &Path,
    read: &dyn Fn(&Path) -> io::Result<Option<Frame>>,
    wanted: &dyn Fn(&Frame) -> bool,
    unread: &mut Vec<(PathBuf, io::Error)>,
) -> io::Result<Option<(PathBuf, Frame)>> {
    let mut files = Vec::new();
    list(folder, MAX_DEPTH, &mut files, unread)?;
    files.sort();
    for path in files {
        match read(&path) {
            Ok(Some(frame)) if wanted(&frame) => return Ok(Some((path, frame))),
            Ok(_) => {}
            Err(error) => unread.push((path, error)),
        }
    }
    Ok(None)
}

fn list(
    folder: &Path,
    depth: usize,
    files: &mut Vec<PathBuf>,
    unread: &mut Vec<(PathBuf, io::Error)>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let found = entry.and_then(|entry| Ok((entry.file_type()?, entry.path())));
        let (kind, path) = match found {
            Ok(found) => found,
            Err(error) => {
                unread.push((folder.to_owned(), error));
                continue;
            }
        };
        if kind.is_dir() && depth > 0 {
            if let Err(error) = list(&path, depth - 1, files, unread) {
                unread.push((path, error));
            }
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "png") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_that_cannot_be_read_does_not_end_the_search() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("deeper")).unwrap();
        for name in ["a.png", "b.png", "deeper/c.png", "deeper/d.png", "e.txt"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let frame = |first: u8| Frame::new(1, 1, vec![first, 0, 0]).unwrap();
        let read = |path: &Path| match fs::read(path)?[..] {
            [b'b', ..] => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
            ref bytes => Ok(Some(frame(bytes[bytes.len() - 5]))),
        };
        let search = |first: u8| {
            let mut unread = Vec::new();
            let found = find(folder.path(), &read, &|seen| *seen == frame(first), &mut unread).unwrap();
            let names = unread.into_iter().map(|(path, _)| path.file_name().unwrap().to_owned());
            (found.map(|(path, _)| path.file_name().unwrap().to_owned()), names.collect::<Vec<_>>())
        };
        assert_eq!(search(b'd'), (Some("d.png".into()), vec!["b.png".into()]));
        assert_eq!(search(b'a'), (Some("a.png".into()), vec![]));
        assert_eq!(search(b'e'), (None, vec!["b.png".into()]));
        assert!(find(&folder.path().join("absent"), &read, &|_| true, &mut Vec::new()).is_err());
    }
}
