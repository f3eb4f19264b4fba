//! What was read of files before, by their content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::admission::{FileWeights, WeightsProblem};

/// Form of the entries; another form is read again from the hub.
const VERSION: u32 = 1;
/// Largest entry that is looked at: 20,000 tensors with names of 512 bytes.
const MAX_ENTRY_BYTES: u64 = 32 << 20;
/// Entries that are kept, the newest.
const MAX_ENTRIES: usize = 4_096;
/// How names of entries end.
const ENDING: &str = ".json";

/// A folder of digests of tensors, one entry for each content that was read, so that a check that was interrupted goes on at the
/// file where it was, and a file that is uploaded again under another name is not read again. It may be deleted at any time.
#[derive(Debug, Clone)]
pub struct ReadCache {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    bytes: u64,
    read: Result<FileWeights, WeightsProblem>,
}

impl ReadCache {
    /// Opens the folder, makes it where it is missing, and forgets the oldest entries beyond 4,096.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(folder: &Path) -> io::Result<ReadCache> {
        fs::create_dir_all(folder)?;
        let mut entries: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_file() {
                entries.push((metadata.modified()?, entry.path()));
            }
        }
        entries.sort();
        for (_, path) in &entries[..entries.len().saturating_sub(MAX_ENTRIES)] {
            fs::remove_file(path)?;
        }
        Ok(ReadCache { folder: folder.to_owned() })
    }

    /// What was read of that content. An entry that cannot be read is none.
    pub(super) fn get(&self, content: &str, bytes: u64) -> Option<Result<FileWeights, WeightsProblem>> {
        let path = self.path(content);
        let is_readable = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= MAX_ENTRY_BYTES);
        let entry: Entry = serde_json::from_slice(&fs::read(path).ok().filter(|_| is_readable)?).ok()?;
        (entry.version == VERSION && entry.bytes == bytes).then_some(entry.read)
    }

    /// Keeps what was read. Without room for it the check goes on all the same; the next one reads the file again.
    pub(super) fn put(&self, content: &str, bytes: u64, read: &Result<FileWeights, WeightsProblem>) {
        let entry = Entry { version: VERSION, bytes, read: read.clone() };
        let path = self.path(content);
        let unfinished = self.folder.join(format!("{content}.{}.new", std::process::id()));
        let json = serde_json::to_vec(&entry).expect("plain data always serialises");
        let kept = fs::write(&unfinished, json).and_then(|()| fs::rename(&unfinished, &path));
        if let Err(error) = kept {
            let _ = fs::remove_file(&unfinished);
            tracing::warn!(%error, path = %path.display(), "the digests of a file could not be kept");
        }
    }

    fn path(&self, content: &str) -> PathBuf {
        self.folder.join(format!("{content}{ENDING}"))
    }
}
