//! Making one.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::BackupError;
use super::check::{manifests_of, transcript_at};
use super::place::{Place, Record, Unfinished, backups_in};
use crate::domain::{CycleId, Digest};
use crate::service::chain_access::DEV_CHAIN_FILE;
use crate::store::{BlobStore, DataDir, DatabaseCopy, Role, StoreError, copy_database};

/// A backup that was made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// Its folder, which can take the place of the data folder.
    pub folder: PathBuf,
    /// The newest published cycle in it.
    pub newest_cycle: Option<CycleId>,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Transcripts that it holds.
    pub transcripts: u64,
    /// Those of them that no earlier backup had.
    pub new_transcripts: u64,
    /// What the data folder has lost: transcripts and manifests that are not what the database says of them.
    pub damage: Vec<String>,
    /// Older backups that were removed.
    pub removed: Vec<PathBuf>,
}

/// Copies the database of `data_dir` and what it names into a new folder in `to`; whoever works in the data folder goes on.
/// With `keep`, only so many backups are left in `to` then. What is damaged in the data folder is taken from the backup before,
/// if that has it; else the rest is kept all the same, told in [`Made::damage`], and no older backup without
/// losses is removed. Blocks.
///
/// # Errors
/// [`BackupError`]; nothing is left of a backup that was not finished.
pub fn backup(data_dir: &Path, to: &Path, keep: Option<usize>) -> Result<Made, BackupError> {
    let database = DataDir::database_path(data_dir);
    if !database.exists() {
        // Opening the data folder would make it.
        return Err(StoreError::NotFound(format!("there is no database {}", database.display())).into());
    }
    // Nobody resets or drops the database meanwhile.
    let _lock = DataDir::open(data_dir, Role::Api)?;
    let place = Place::open(to)?;
    let before = backups_in(to)?.pop();
    let made = fill(data_dir, &place, before.as_deref(), &database);
    let mut made = made.map_err(|error| BackupError::Unfinished { folder: to.to_owned(), error: Box::new(error) })?;
    if let Some(keep) = keep {
        made.removed = place.keep(keep, &made.folder)?;
    }
    Ok(made)
}

/// Makes a backup beside the one `before`.
fn fill(data_dir: &Path, place: &Place, before: Option<&Path>, database: &Path) -> Result<Made, BackupError> {
    let made_at = after(Timestamp::now(), before);
    let unfinished = place.begin(made_at)?;
    let copied = DataDir::database_path(unfinished.path());
    copy_database(database, &copied)?;
    // After the database, so that it has every block that a cycle names.
    let dev_chain = copy_dev_chain(data_dir, unfinished.path())?;
    let copy = DatabaseCopy::open(&copied)?;
    let mut damage = Vec::new();
    let newest_cycle = manifests_of(&copy, &mut damage)?;
    let named = copy.transcripts()?;
    let new_transcripts = keep_transcripts(&named, data_dir, before, &unfinished, &mut damage)?;
    let record = Record {
        made_at,
        made_by: env!("CARGO_PKG_VERSION").to_owned(),
        database: copy.file_digest()?,
        dev_chain,
        newest_cycle,
        transcripts: named.len() as u64,
        losses: damage.len() as u64,
    };
    drop(copy);
    let database_bytes = fs::metadata(&copied).map_err(BackupError::system("read", &copied))?.len();
    record.write(unfinished.path())?;
    let folder = unfinished.finish()?;
    let (transcripts, removed) = (named.len() as u64, Vec::new());
    Ok(Made { folder, newest_cycle, database_bytes, transcripts, new_transcripts, damage, removed })
}

/// The time of a backup: now, or where the clock went back a moment after the one before, for names tell which is older.
fn after(now: Timestamp, before: Option<&Path>) -> Timestamp {
    let a_moment = SignedDuration::from_millis(1);
    let later = |record: Record| record.made_at.checked_add(a_moment).ok();
    before.and_then(|before| Record::read(before).ok()).and_then(later).map_or(now, |later| now.max(later))
}

/// The development chain where it is a file of the data folder: without it the cycles would be of another chain.
fn copy_dev_chain(data_dir: &Path, to: &Path) -> Result<Option<Digest>, BackupError> {
    let (from, to) = (data_dir.join(DEV_CHAIN_FILE), to.join(DEV_CHAIN_FILE));
    if !from.exists() {
        return Ok(None);
    }
    copy_database(&from, &to)?;
    Ok(Some(super::check::digest_of_file(&to)?))
}

/// Keeps each transcript: a link to the file of the backup before, else to the data folder's own, else a copy of that. Answers
/// how many the backup before did not have.
fn keep_transcripts(
    named: &[Digest],
    data_dir: &Path,
    before: Option<&Path>,
    unfinished: &Unfinished,
    damage: &mut Vec<String>,
) -> Result<u64, BackupError> {
    let at = |folder: &Path| BlobStore::at(&DataDir::transcripts_path(folder));
    let target = BlobStore::open(&DataDir::transcripts_path(unfinished.path()))?;
    let (source, earlier) = (at(data_dir), before.map(at));
    let mut new = 0;
    for digest in named {
        if let Some(earlier) = &earlier
            && transcript_at(earlier, digest).is_ok_and(|bytes| take(earlier, &target, digest, &bytes).is_ok())
        {
            continue;
        }
        match transcript_at(&source, digest) {
            Ok(bytes) => take(&source, &target, digest, &bytes)?,
            Err(problem) => {
                damage.push(problem);
                continue;
            }
        }
        new += 1;
    }
    Ok(new)
}

/// Links a transcript's file, or copies it where another file system, or the system's rules, forbid a link.
fn take(from: &BlobStore, to: &BlobStore, digest: &Digest, bytes: &[u8]) -> Result<(), BackupError> {
    let path = to.path_of(digest);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(BackupError::system("make the folder", folder))?;
    }
    let source = from.path_of(digest);
    // A link to a symbolic link would lead nowhere once its goal is lost.
    let is_file = fs::symlink_metadata(&source).is_ok_and(|found| found.is_file());
    if !is_file || fs::hard_link(source, &path).is_err() {
        to.put(digest, bytes)?;
    }
    Ok(())
}
