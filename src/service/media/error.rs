//! Why a picture or a video cannot be written.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::Frame;

/// Why a picture or a video cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The name says no format of ours.
    #[error("{}: a video is written as .mp4, or as .png, which is then animated; end the name with one of these", .path.display())]
    UnknownKind {
        /// The file that was asked for.
        path: PathBuf,
    },
    /// Too slow or too fast.
    #[error("{0} frames per second: a video has 1 to 240; 80 are real time")]
    Rate(u32),
    /// The disk or the folder.
    #[error("cannot write {}: {source}; name a file in a folder that can be written and has room", .path.display())]
    File {
        /// The file that was asked for.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A picture of another size than the first.
    #[error(
        "all pictures of a video have one size: the first has {first_width} × {first_height} pixels, this one {width} × {height}"
    )]
    SizeChanged {
        /// Width of the first picture.
        first_width: u32,
        /// Height of the first picture.
        first_height: u32,
        /// Width of this one.
        width: u32,
        /// Height of this one.
        height: u32,
    },
    /// More or fewer pictures than were announced.
    #[error("{announced} pictures were announced for this video, but {given} were given")]
    Count {
        /// How many were announced.
        announced: u32,
        /// How many there are.
        given: u32,
    },
    /// The encoder cannot do it.
    #[error("these pictures cannot be encoded: {0}")]
    Encoder(String),
}

impl MediaError {
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> MediaError + use<> {
        let path = path.to_owned();
        move |source| MediaError::File { path: path.clone(), source }
    }

    /// An error of the PNG encoder: of the disk, or of what it was given.
    pub(super) fn png(path: &Path, error: png::EncodingError) -> MediaError {
        match error {
            png::EncodingError::IoError(source) => MediaError::File { path: path.to_owned(), source },
            other => MediaError::Encoder(other.to_string()),
        }
    }

    pub(super) fn size_changed(first: (u32, u32), frame: &Frame) -> MediaError {
        let ((first_width, first_height), width, height) = (first, frame.width(), frame.height());
        MediaError::SizeChanged { first_width, first_height, width, height }
    }
}
