//! Whether all of a backup is what it should be.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::BackupError;
use super::place::{Record, backups_in, is_backup};
use crate::domain::{CycleId, Digest, printable};
use crate::replay::SignedCycle;
use crate::service::chain_access::DEV_CHAIN_FILE;
use crate::store::{BlobStore, DataDir, DatabaseCopy};
use crate::transcript::Transcript;

/// What was found in a backup.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Its folder.
    pub folder: PathBuf,
    /// The newest published cycle in it.
    pub newest_cycle: Option<CycleId>,
    /// Transcripts that its database names.
    pub transcripts: u64,
    /// All that is not what it should be; empty when the backup is whole.
    pub problems: Vec<String>,
}

/// Reads a whole backup and holds it against its digests: the database's file and pages, each manifest with its signature, each
/// transcript. `folder` is a backup, or the folder of several, of which the newest is looked at. Nothing is written. Blocks.
///
/// # Errors
/// [`BackupError`] when there is none, or it cannot be opened at all.
pub fn check(folder: &Path) -> Result<Checked, BackupError> {
    let folder = match is_backup(folder) {
        true => folder.to_owned(),
        false => backups_in(folder)?.pop().ok_or_else(|| BackupError::None(folder.into()))?,
    };
    let record = Record::read(&folder)?;
    let copy = DatabaseCopy::open(&DataDir::database_path(&folder))?;
    let mut problems = Vec::new();
    if copy.file_digest()? != record.database {
        problems.push("the database is not the one that was written; was a daemon started on it?".into());
    }
    if let Some(written) = record.dev_chain
        && digest_of_file(&folder.join(DEV_CHAIN_FILE)).ok() != Some(written)
    {
        problems.push(format!("{DEV_CHAIN_FILE} is not the one that was written"));
    }
    problems.extend(copy.check().err().map(|error| error.to_string()));
    let newest_cycle = manifests_of(&copy, &mut problems)?;
    let named = copy.transcripts()?;
    let blobs = BlobStore::at(&DataDir::transcripts_path(&folder));
    problems.extend(named.iter().filter_map(|digest| transcript_at(&blobs, digest).err()));
    Ok(Checked { folder, newest_cycle, transcripts: named.len() as u64, problems })
}

/// Holds each manifest against digest and signature; answers the newest cycle that has one.
pub(super) fn manifests_of(copy: &DatabaseCopy, problems: &mut Vec<String>) -> Result<Option<CycleId>, BackupError> {
    let mut newest = None;
    copy.each_manifest(|cycle, digest, bytes| {
        newest = Some(cycle);
        let told = SignedCycle::from_json(bytes).and_then(|signed| signed.verify_signature().map(|()| signed.digest));
        match told {
            Ok(told) if told == digest => {}
            Ok(_) => problems.push(format!("the manifest of cycle {cycle} is not the one that was published")),
            Err(error) => {
                problems.push(format!("the manifest of cycle {cycle}: {}", printable(&error.to_string(), 200)));
            }
        }
    })?;
    Ok(newest)
}

/// The file of a transcript, if it holds that transcript; else what is wrong with it.
pub(super) fn transcript_at(blobs: &BlobStore, digest: &Digest) -> Result<Vec<u8>, String> {
    let bytes = match blobs.get(digest) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err(format!("transcript {digest} is missing")),
        Err(error) => return Err(format!("transcript {digest}: {error}")),
    };
    match Transcript::from_bytes(&bytes) {
        Ok(transcript) if transcript.id() == *digest => Ok(bytes),
        Ok(transcript) => Err(format!("the file of transcript {digest} holds {}", transcript.id())),
        Err(error) => Err(format!("transcript {digest} is damaged: {}", printable(&error.to_string(), 200))),
    }
}

/// blake3 of a file.
pub(super) fn digest_of_file(path: &Path) -> Result<Digest, BackupError> {
    let mut hasher = blake3::Hasher::new();
    let read = std::fs::File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(BackupError::system("read", path))?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}
