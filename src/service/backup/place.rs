//! The folder of the backups: whose it is, and what is in it.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::BackupError;
use crate::domain::{CycleId, Digest, printable};
use crate::service::files::read_capped;

/// How the name of a backup begins; the time follows.
const PREFIX: &str = "kinitro-";
/// Characters of the time in a name, `2026-11-22T02-30-05.123Z`.
const STAMP_CHARS: usize = 24;
/// How the name of an unfinished backup ends.
const UNFINISHED: &str = ".partial";
/// Held by the process that makes a backup.
const LOCK: &str = ".lock";
/// What a file system may put into its topmost folder.
const LOST_AND_FOUND: &str = "lost+found";
/// The record beside the copies.
const RECORD: &str = "backup.json";
/// Largest record that is read; they have some hundred bytes.
const MAX_RECORD_BYTES: usize = 64 << 10;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// When it was made.
    pub(super) made_at: Timestamp,
    /// The release that made it.
    pub(super) made_by: String,
    /// blake3 of the database's file.
    pub(super) database: Digest,
    /// blake3 of the development chain's file, where it lay in the data folder.
    pub(super) dev_chain: Option<Digest>,
    /// The newest published cycle.
    pub(super) newest_cycle: Option<CycleId>,
    /// Transcripts that the database names.
    pub(super) transcripts: u64,
    /// Losses of the data folder, which it has too.
    pub(super) losses: u64,
}

impl Record {
    pub(super) fn read(backup: &Path) -> Result<Record, BackupError> {
        let file = backup.join(RECORD);
        let bytes = read_capped(&file, MAX_RECORD_BYTES).map_err(BackupError::system("read", &file))?;
        let wrong = |error: serde_json::Error| BackupError::Record { file, why: printable(&error.to_string(), 200) };
        serde_json::from_slice(&bytes).map_err(wrong)
    }

    pub(super) fn write(&self, backup: &Path) -> Result<(), BackupError> {
        let file = backup.join(RECORD);
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        fs::write(&file, text + "\n")
            .and_then(|()| File::open(&file)?.sync_all())
            .map_err(BackupError::system("write", &file))
    }
}

/// Whether a folder is a backup.
pub(super) fn is_backup(folder: &Path) -> bool {
    folder.join(RECORD).is_file()
}

/// The finished backups in a folder, oldest first.
pub(super) fn backups_in(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(BackupError::system("read", folder))? {
        let path = entry.map_err(BackupError::system("read", folder))?.path();
        if is_name(&name_of(&path)) && is_backup(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The folder of the backups, for making one. Nobody else makes one there as long as this value lasts.
pub(super) struct Place {
    folder: PathBuf,
    _lock: File,
}

impl Place {
    /// Opens the folder, making it if it is missing, for its owner alone; removes what an interrupted process left.
    pub(super) fn open(folder: &Path) -> Result<Place, BackupError> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(BackupError::system("make the folder", folder))?;
        let mut unfinished = Vec::new();
        for entry in fs::read_dir(folder).map_err(BackupError::system("read", folder))? {
            let path = entry.map_err(BackupError::system("read", folder))?.path();
            let name = name_of(&path);
            if is_unfinished(&name) {
                unfinished.push(path);
            // One of ours without its record is spoilt, and no reason to make no other.
            } else if !(name == LOCK || name == LOST_AND_FOUND || is_name(&name)) {
                return Err(BackupError::Foreign { folder: folder.into(), other: printable(&name, 60) });
            }
        }
        let path = folder.join(LOCK);
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = file.map_err(BackupError::system("make", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BackupError::Busy(folder.into())),
            Err(TryLockError::Error(error)) => return Err(BackupError::system("lock", &path)(error)),
        }
        for path in unfinished {
            fs::remove_dir_all(&path).map_err(BackupError::system("remove", &path))?;
        }
        Ok(Place { folder: folder.into(), _lock: lock })
    }

    /// Begins a backup of this moment.
    pub(super) fn begin(&self, made_at: Timestamp) -> Result<Unfinished, BackupError> {
        let name = format!("{PREFIX}{}.{:03}Z", made_at.strftime("%Y-%m-%dT%H-%M-%S"), made_at.subsec_millisecond());
        let (path, finished) = (self.folder.join(format!(".{name}{UNFINISHED}")), self.folder.join(name));
        DirBuilder::new().mode(0o700).create(&path).map_err(BackupError::system("make the folder", &path))?;
        Ok(Unfinished { path, finished, parent: self.folder.clone() })
    }

    /// Removes all backups but `keep`, the oldest first and never `made`; answers which. If that one has losses, those without stay
    /// and are not counted: they may have what is lost.
    pub(super) fn keep(&self, keep: usize, made: &Path) -> Result<Vec<PathBuf>, BackupError> {
        let has_losses = |path: &Path| Record::read(path).is_ok_and(|record| record.losses > 0);
        let mut older = backups_in(&self.folder)?;
        let is_lossy = has_losses(made);
        older.retain(|path| path != made && (!is_lossy || has_losses(path)));
        older.truncate((older.len() + 1).saturating_sub(keep));
        for path in &older {
            // Nobody takes a half for a whole: from now on it is called unfinished.
            let unfinished = self.folder.join(format!(".{}{UNFINISHED}", name_of(path)));
            fs::rename(path, &unfinished).map_err(BackupError::system("remove", path))?;
            fs::remove_dir_all(&unfinished).map_err(BackupError::system("remove", path))?;
        }
        Ok(older)
    }
}

/// A backup that is being made; it goes away with this value unless it is finished.
pub(super) struct Unfinished {
    path: PathBuf,
    finished: PathBuf,
    parent: PathBuf,
}

impl Unfinished {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts all on the disk and gives the backup its name, which nothing else has.
    pub(super) fn finish(self) -> Result<PathBuf, BackupError> {
        sync_folders(&self.path).map_err(BackupError::system("write", &self.path))?;
        fs::rename(&self.path, &self.finished).map_err(BackupError::system("name", &self.finished))?;
        File::open(&self.parent)
            .and_then(|folder| folder.sync_all())
            .map_err(BackupError::system("write", &self.parent))?;
        Ok(self.finished.clone())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // After `finish` nothing has this name; what stays otherwise is removed by the next backup.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Syncs a folder and those below it; files are synced by who writes them.
fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a backup is called so.
fn is_name(name: &str) -> bool {
    let is_of_stamps = |c: u8| c.is_ascii_digit() || b"-.TZ".contains(&c);
    name.strip_prefix(PREFIX).is_some_and(|stamp| stamp.len() == STAMP_CHARS && stamp.bytes().all(is_of_stamps))
}

fn is_unfinished(name: &str) -> bool {
    name.strip_prefix('.').and_then(|name| name.strip_suffix(UNFINISHED)).is_some_and(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_the_time_and_sort_by_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(folder.path()).unwrap();
        let name = |time: &str| name_of(&place.begin(time.parse().unwrap()).unwrap().finished);
        assert_eq!(name("2026-11-22T02:30:05.0071Z"), "kinitro-2026-11-22T02-30-05.007Z");
        assert!(is_name(&name("2026-11-22T02:30:05.0071Z")));
        assert!(name("2026-11-22T02:30:05.999Z") < name("2026-11-22T02:30:06Z"));
        for other in ["kinitro-", "kinitro-2026", "kinitro-2026-11-22T02-30-05.00aZ", "2026-11-22T02-30-05.007Z"] {
            assert!(!is_name(other), "{other}");
        }
    }

    #[test]
    fn folders_of_others_are_refused_and_left_alone() {
        for other in ["letter.txt", "kinitro.sqlite3", "kinitro-2026-11-22"] {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join(other)).unwrap();
            let error = Place::open(folder.path()).err().unwrap().to_string();
            assert!(error.contains(other), "{error}");
            assert!(folder.path().join(other).exists());
            assert!(!folder.path().join(LOCK).exists());
        }
    }

    #[test]
    fn what_was_interrupted_goes_and_two_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(folder.path()).unwrap();
        let unfinished = place.begin(Timestamp::now()).unwrap();
        assert!(matches!(Place::open(folder.path()), Err(BackupError::Busy(_))));
        let left = unfinished.path().to_owned();
        std::mem::forget(unfinished);
        drop(place);
        assert!(left.exists());
        Place::open(folder.path()).unwrap();
        assert!(!left.exists());
    }

    #[test]
    fn a_backup_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::open(folder.path()).unwrap();
        drop(place.begin(Timestamp::now()).unwrap());
        assert_eq!(backups_in(folder.path()).unwrap(), Vec::<PathBuf>::new());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "only the lock is left");
    }
}
