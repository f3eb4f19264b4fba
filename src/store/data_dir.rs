//! The folder that holds database and transcripts, and who is using it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::domain::printable;

/// Longest note of a lock's holder that is read back.
const MAX_HOLDER_BYTES: u64 = 512;

/// What a process does with a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything in one process. Excludes a scheduler.
    Daemon,
    /// Opens and publishes cycles. Excludes a daemon.
    Scheduler,
    /// Serves the API; any number may share a folder with one scheduler or daemon.
    Api,
    /// Upkeep that must be alone (`db reset`, `db drop`): excludes everybody.
    Upkeep,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Role::Daemon => "daemon",
            Role::Scheduler => "scheduler",
            Role::Api => "api",
            Role::Upkeep => "upkeep",
        }
    }
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Somebody else holds it.
    #[error("{} is in use by {holder}; stop that process, or give this one another folder with --data-dir", .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// Role, pid, host and start time of the holder.
        holder: String,
    },
    /// It cannot be made or written.
    #[error("cannot use the data folder {}: {error}; it must be a folder that this user may write to", .folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// An opened data folder. The locks last as long as this value, and end with the process however it ends.
#[derive(Debug)]
pub struct DataDir {
    folder: PathBuf,
    _locks: Vec<File>,
}

impl DataDir {
    /// Makes the folder if it is missing, checks that it can be written, and takes the role's locks.
    ///
    /// Two lock files: `use.lock` is shared by every role and exclusive for upkeep; `scheduler.lock` is
    /// exclusive for the one process that opens cycles.
    ///
    /// # Errors
    /// [`DataDirError::InUse`] naming who holds it; [`DataDirError::Unusable`] when it cannot be written.
    pub fn open(folder: &Path, role: Role) -> Result<DataDir, DataDirError> {
        let unusable = |error| DataDirError::Unusable { folder: folder.into(), error };
        fs::create_dir_all(folder).map_err(unusable)?;
        let in_use = |holder| DataDirError::InUse { folder: folder.into(), holder };
        let mut locks = Vec::new();
        let shared = role != Role::Upkeep;
        let busy = |path: &Path| in_use(holder_of(&folder.join("scheduler.lock")).unwrap_or_else(|| unnamed(path)));
        let use_path = folder.join("use.lock");
        locks.push(take(&use_path, shared).map_err(unusable)?.ok_or_else(|| busy(&use_path))?);
        if role != Role::Api {
            let path = folder.join("scheduler.lock");
            let Some(mut lock) = take(&path, false).map_err(unusable)? else {
                return Err(in_use(holder_of(&path).unwrap_or_else(|| unnamed(&path))));
            };
            write_holder(&mut lock, role).map_err(unusable)?;
            locks.push(lock);
        }
        Ok(DataDir { folder: folder.into(), _locks: locks })
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Where the SQLite database lies in a data folder.
    pub fn database_path(folder: &Path) -> PathBuf {
        folder.join("kinitro.sqlite3")
    }

    /// Where the transcripts lie in a data folder.
    pub fn transcripts_path(folder: &Path) -> PathBuf {
        folder.join("transcripts")
    }
}

/// Locks a file without waiting; `None` when somebody else holds it.
fn take(path: &Path, shared: bool) -> std::io::Result<Option<File>> {
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
    let answer = if shared { file.try_lock_shared() } else { file.try_lock() };
    match answer {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn write_holder(lock: &mut File, role: Role) -> std::io::Result<()> {
    let node = rustix::system::uname();
    let host = node.nodename().to_string_lossy();
    let note = format!("{} (pid {}, host {host}, since {})", role.name(), std::process::id(), Timestamp::now());
    lock.set_len(0)?;
    lock.rewind()?;
    lock.write_all(note.as_bytes())
}

fn holder_of(path: &Path) -> Option<String> {
    // A lock that can be taken has no holder: its note is of an earlier process.
    if let Ok(Some(_free)) = take(path, false) {
        return None;
    }
    let mut note = String::new();
    File::open(path).ok()?.take(MAX_HOLDER_BYTES).read_to_string(&mut note).ok()?;
    (!note.is_empty()).then(|| printable(&note, MAX_HOLDER_BYTES as usize))
}

fn unnamed(path: &Path) -> String {
    format!("another kinitro process (see `fuser {}`)", path.display())
}

#[cfg(test)]
mod tests {
    use super::{DataDir, DataDirError, Role};

    fn refusal(folder: &std::path::Path, role: Role) -> String {
        DataDir::open(folder, role).unwrap_err().to_string()
    }

    #[test]
    fn a_second_daemon_is_refused_naming_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataDir::open(folder.path(), Role::Daemon).unwrap();
        let text = refusal(folder.path(), Role::Daemon);
        assert!(text.contains(&format!("daemon (pid {}", std::process::id())), "{text}");
        assert!(refusal(folder.path(), Role::Scheduler).contains("daemon (pid"), "{text}");
        drop(first);
        DataDir::open(folder.path(), Role::Daemon).unwrap();
    }

    #[test]
    fn api_processes_share_a_folder_with_one_scheduler() {
        let folder = tempfile::tempdir().unwrap();
        let _scheduler = DataDir::open(folder.path(), Role::Scheduler).unwrap();
        let _api = DataDir::open(folder.path(), Role::Api).unwrap();
        let _another = DataDir::open(folder.path(), Role::Api).unwrap();
        assert!(refusal(folder.path(), Role::Upkeep).contains("scheduler (pid"));
    }

    #[test]
    fn upkeep_is_refused_while_an_api_runs() {
        let folder = tempfile::tempdir().unwrap();
        let _api = DataDir::open(folder.path(), Role::Api).unwrap();
        assert!(refusal(folder.path(), Role::Upkeep).contains("another kinitro process"));
    }

    #[test]
    fn a_file_in_place_of_the_folder_is_a_clear_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let error = DataDir::open(&file, Role::Daemon).unwrap_err();
        assert!(matches!(error, DataDirError::Unusable { .. }), "{error}");
    }
}
