//! What was read of files before, by their content.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::admission::{FileWeights, MAX_FILES, WeightsProblem};

/// Form of the entries; another form is read again from the hub.
const VERSION: u32 = 1;
/// Largest entry that is looked at: 20,000 tensors with names of 512 bytes.
const MAX_ENTRY_BYTES: u64 = 32 << 20;
/// Entries that are kept: as many files as the models of 256 miners may have, so that none pushes out another's.
const MAX_ENTRIES: usize = 256 * MAX_FILES;
/// Bytes of all entries that are kept: more than 256 miners need whose models have as many tensors, with names as long, as any may
/// have.
const MAX_BYTES: u64 = 4 << 30;
/// Room that an entry takes is counted in blocks of this size.
const BLOCK_BYTES: u64 = 4_096;
/// After that many bytes were kept, it is looked whether there are too many.
const LOOK_AFTER_BYTES: u64 = 256 << 20;
/// How names of entries end.
const ENDING: &str = ".json";

/// A folder of digests of tensors, one entry for each content that was read, so that a check that was interrupted goes on at the
/// file where it was, and a file that is uploaded again under another name is not read again. It may be deleted at any time.
#[derive(Debug, Clone)]
pub struct ReadCache {
    folder: PathBuf,
    /// Bytes that were kept since it was last looked whether there are too many.
    unlooked: Arc<AtomicU64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    version: u32,
    bytes: u64,
    read: Result<FileWeights, WeightsProblem>,
}

impl ReadCache {
    /// Opens the folder, makes it where it is missing, and forgets what was not asked for longest, beyond 256,000 entries and
    /// 4 GiB.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(folder: &Path) -> io::Result<ReadCache> {
        fs::create_dir_all(folder)?;
        let cache = ReadCache { folder: folder.to_owned(), unlooked: Arc::default() };
        cache.forget_beyond(MAX_ENTRIES, MAX_BYTES)?;
        Ok(cache)
    }

    fn forget_beyond(&self, max_entries: usize, max_bytes: u64) -> io::Result<()> {
        let mut entries: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // Another reader may have forgotten it meanwhile.
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                entries.push((metadata.modified()?, room(metadata.len()), entry.path()));
            }
        }
        entries.sort();
        let (mut count, mut bytes) = (entries.len(), entries.iter().map(|(_, bytes, _)| bytes).sum::<u64>());
        for (_, size, path) in entries {
            if count <= max_entries && bytes <= max_bytes {
                break;
            }
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => (count, bytes) = (count - 1, bytes.saturating_sub(size)),
            }
        }
        Ok(())
    }

    /// What was read of that content. An entry that cannot be read is none.
    pub(super) fn get(&self, content: &str, bytes: u64) -> Option<Result<FileWeights, WeightsProblem>> {
        let path = self.path(content);
        let is_readable = fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= MAX_ENTRY_BYTES);
        let entry: Entry = serde_json::from_slice(&fs::read(&path).ok().filter(|_| is_readable)?).ok()?;
        // What is asked for is forgotten last. Where that cannot be noted, it is only read again one day.
        let _ = File::options().write(true).open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        (entry.version == VERSION && entry.bytes == bytes).then_some(entry.read)
    }

    /// Keeps what was read. Without room for it the check goes on all the same; the next one reads the file again.
    pub(super) fn put(&self, content: &str, bytes: u64, read: &Result<FileWeights, WeightsProblem>) {
        let entry = Entry { version: VERSION, bytes, read: read.clone() };
        let path = self.path(content);
        let unfinished = self.folder.join(format!("{content}.{}.new", std::process::id()));
        let json = serde_json::to_vec(&entry).expect("plain data always serialises");
        let size = room(json.len() as u64);
        let unlooked = self.unlooked.fetch_add(size, Ordering::Relaxed) + size;
        let kept = fs::write(&unfinished, json).and_then(|()| fs::rename(&unfinished, &path)).and_then(|()| {
            if unlooked < LOOK_AFTER_BYTES {
                return Ok(());
            }
            self.unlooked.store(0, Ordering::Relaxed);
            self.forget_beyond(MAX_ENTRIES, MAX_BYTES)
        });
        if let Err(error) = kept {
            let _ = fs::remove_file(&unfinished);
            tracing::warn!(%error, path = %path.display(), "the digests of a file could not be kept");
        }
    }

    fn path(&self, content: &str) -> PathBuf {
        self.folder.join(format!("{content}{ENDING}"))
    }
}

/// What a file of that length takes on disk.
fn room(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_asked_for_longest_is_forgotten_first() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ReadCache::open(folder.path()).unwrap();
        let empty = Ok(FileWeights { tensors: Vec::new() });
        let aged = |content: &str, age_s: u64| {
            cache.put(content, 8, &empty);
            let file = File::options().write(true).open(cache.path(content)).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
        };
        aged("old", 30);
        aged("older", 20);
        aged("new", 10);
        assert_eq!(cache.get("old", 8), Some(empty.clone()));
        cache.forget_beyond(2, u64::MAX).unwrap();
        assert!(cache.get("old", 8).is_some() && cache.get("older", 8).is_none() && cache.get("new", 8).is_some());
        cache.forget_beyond(usize::MAX, BLOCK_BYTES).unwrap();
        assert!(cache.get("old", 8).is_none() && cache.get("new", 8).is_some());
    }
}
