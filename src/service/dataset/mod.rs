//! Episodes as training data: NumPy archives, or a LeRobot dataset.
//!
//! An episode is played or read, and then taken again once for each camera, so that pictures go from the renderer into the
//! file one by one; what is held in memory is the numbers of some episodes. Frame t is what a policy would have been sent
//! at step t, with the action that followed; the observation behind the last action is left out.

mod episode;
mod lerobot;
mod npz;
mod statistics;
mod table;

use std::fs;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

pub use episode::EpisodeRows;
use lerobot::LeRobot;

use super::media::MediaError;
use super::trial::{LocalPolicy, Trial, run_locally};
use crate::domain::CameraSetting;
use crate::replay::PlaybackError;
use crate::service::executor::Assignment;
use crate::service::files::read_capped;
use crate::sim::{SimError, Simulator};
use crate::transcript::{MAX_TRANSCRIPT_BYTES, Transcript, TranscriptError};

/// Most episodes of one dataset; the names of their files have six digits.
pub const MAX_EPISODES: usize = 100_000;

/// How a dataset is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A NumPy archive for each episode.
    Npz,
    /// LeRobot's format 3.0: Parquet tables and H.264 videos.
    LeRobot,
}

/// Where the episodes come from.
pub enum Source {
    /// One of our own policies plays those of a trial, which has no cameras of its own.
    Played(Box<Trial>, LocalPolicy),
    /// Transcripts in these files.
    Recorded(Vec<PathBuf>),
}

/// What was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Episodes.
    pub episodes: usize,
    /// Of these, successful ones.
    pub successes: usize,
    /// Frames of all.
    pub frames: usize,
}

/// Why there is no dataset.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// Something is there already.
    #[error("{} is there already and not an empty folder; name a new one", .0.display())]
    Exists(PathBuf),
    /// Nothing to write.
    #[error("there are no episodes to write: {0}")]
    Empty(String),
    /// Too many.
    #[error("{0} episodes: a dataset has at most {MAX_EPISODES}; write several")]
    TooMany(usize),
    /// The disk or the folder.
    #[error("{}: {source}; name a folder that can be written and has room", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file that is no transcript.
    #[error("{}: {source}", .path.display())]
    Transcript {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: TranscriptError,
    },
    /// The episode cannot be played.
    #[error(transparent)]
    Sim(#[from] SimError),
    /// The episode cannot be taken again.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// A video cannot be written.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// A table cannot be written.
    #[error("cannot write a Parquet table: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// An archive cannot be written.
    #[error("cannot write a NumPy archive: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// A worker died.
    #[error("an episode panicked; this is a fault of the program, please report it")]
    Panicked,
}

impl DatasetError {
    pub(super) fn file(path: &Path) -> impl Fn(io::Error) -> DatasetError + use<> {
        let path = path.to_owned();
        move |source| DatasetError::File { path: path.clone(), source }
    }
}

impl Source {
    /// How each episode is got.
    fn episodes(&self) -> Vec<Origin<'_>> {
        match self {
            Source::Played(trial, policy) => {
                let origin = |assignment| Origin::Played(trial, *policy, Box::new(assignment));
                trial.assignments().into_iter().map(origin).collect()
            }
            Source::Recorded(files) => files.iter().map(|path| Origin::Recorded(path)).collect(),
        }
    }
}

enum Origin<'a> {
    Played(&'a Trial, LocalPolicy, Box<Assignment>),
    Recorded(&'a Path),
}

impl Origin<'_> {
    fn transcript(&self, simulator: &Simulator) -> Result<Transcript, DatasetError> {
        match self {
            Origin::Played(trial, policy, assignment) => {
                Ok(run_locally(simulator, &trial.contest, assignment, *policy)?)
            }
            Origin::Recorded(path) => {
                let bytes = read_capped(path, MAX_TRANSCRIPT_BYTES).map_err(DatasetError::file(path))?;
                Transcript::from_bytes(&bytes)
                    .map_err(|source| DatasetError::Transcript { path: path.to_path_buf(), source })
            }
        }
    }
}

/// Writes the episodes of `source`, drawn by `cameras`, into a new folder; `done` is told how many are written. The folder
/// appears under its name when it is complete.
///
/// # Errors
/// [`DatasetError`]; nothing is left then.
pub fn export(
    folder: &Path,
    format: Format,
    source: &Source,
    cameras: &[CameraSetting],
    simulator: &Simulator,
    threads: NonZeroUsize,
    done: &dyn Fn(usize),
) -> Result<Written, DatasetError> {
    let origins = source.episodes();
    match origins.len() {
        0 => return Err(DatasetError::Empty("name a folder that holds transcripts, *.ktr".into())),
        count if count > MAX_EPISODES => return Err(DatasetError::TooMany(count)),
        _ => {}
    }
    let unfinished = Unfinished::begin(folder)?;
    let mut dataset = match format {
        Format::Npz => None,
        Format::LeRobot => Some(LeRobot::begin(&unfinished.path, cameras)?),
    };
    let mut written = Written::default();
    let first_of = |batch: usize| batch * threads.get();
    for (batch, some) in origins.chunks(threads.get()).enumerate() {
        let work = |place: usize, origin: &Origin<'_>| -> Result<EpisodeRows, DatasetError> {
            let transcript = origin.transcript(simulator)?;
            match format {
                Format::Npz => npz::write(&unfinished.path, place, &transcript, cameras, simulator),
                Format::LeRobot => lerobot::write_videos(&unfinished.path, place, &transcript, cameras, simulator),
            }
        };
        let work = &work;
        let rows: Vec<Result<EpisodeRows, DatasetError>> = std::thread::scope(|scope| {
            let workers: Vec<_> = some
                .iter()
                .enumerate()
                .map(|(place, origin)| scope.spawn(move || work(first_of(batch) + place, origin)))
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or(Err(DatasetError::Panicked))).collect()
        });
        for rows in rows {
            let rows = rows?;
            written.episodes += 1;
            written.successes += usize::from(rows.success);
            written.frames += rows.actions.len();
            if let Some(dataset) = &mut dataset {
                dataset.append(&rows)?;
            }
        }
        done(written.episodes);
    }
    if let Some(dataset) = dataset {
        dataset.finish()?;
    }
    unfinished.finish()?;
    Ok(written)
}

/// A folder that has another name until it is complete, and goes away if it never is.
struct Unfinished {
    path: PathBuf,
    wanted: PathBuf,
}

impl Unfinished {
    fn begin(folder: &Path) -> Result<Unfinished, DatasetError> {
        let is_new = match fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) => error.kind() == io::ErrorKind::NotFound && folder.symlink_metadata().is_err(),
        };
        let name = folder.file_name().filter(|_| is_new).ok_or_else(|| DatasetError::Exists(folder.to_owned()))?;
        let path = folder.with_file_name(format!(".{}.{}.partial", name.to_string_lossy(), std::process::id()));
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent).map_err(DatasetError::file(parent))?;
        }
        fs::create_dir(&path).map_err(DatasetError::file(&path))?;
        Ok(Unfinished { path, wanted: folder.to_owned() })
    }

    fn finish(self) -> Result<(), DatasetError> {
        // Takes the place of an empty folder, of nothing else.
        fs::rename(&self.path, &self.wanted).map_err(DatasetError::file(&self.wanted))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` there is nothing under this name.
        let _ = fs::remove_dir_all(&self.path);
    }
}
