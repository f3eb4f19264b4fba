//! Why there is no backup.

use std::path::{Path, PathBuf};

use crate::store::{DataDirError, StoreError};

/// Why a backup cannot be made, or be looked at.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be copied or read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder of the backups holds something of somebody else's.
    #[error("{} holds something that is no backup ({other}); name a folder for backups alone", .folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// The first thing in it that is not ours.
        other: String,
    },
    /// Another process makes one.
    #[error("another process makes a backup in {} now; wait for it", .0.display())]
    Busy(PathBuf),
    /// It was begun and could not be finished.
    #[error("no backup was made in {}: {error}. The older ones are as they were", .folder.display())]
    Unfinished {
        /// The folder of the backups.
        folder: PathBuf,
        /// Why.
        error: Box<BackupError>,
    },
    /// There is none where one was named.
    #[error("{} holds no backup; `kinitro db backup --to FOLDER` makes one", .0.display())]
    None(PathBuf),
    /// What is written beside the copies cannot be read.
    #[error("{} is no record of a backup: {why}", .file.display())]
    Record {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The system does not read or write.
    #[error("cannot {what} {}: {error}", .path.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

impl BackupError {
    /// For `map_err`: what was tried on which file or folder.
    pub(super) fn system(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
        let path = path.to_owned();
        move |error| BackupError::System { what, path, error }
    }
}
