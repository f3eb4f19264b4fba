//! Digests of files, remembered so that an upload that is continued does not read gigabytes again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::LocalFile;

/// Read at once.
const BUFFER_BYTES: usize = 1 << 20;
/// Longest file of remembered digests that is read.
const MAX_CACHE_BYTES: u64 = 16 << 20;

/// What a file is called by the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// SHA-256 of the bytes: the name of a large file.
    pub sha256: String,
    /// Git's name of the bytes as a blob, SHA-1: the name of a small file.
    pub git: String,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    size: u64,
    modified_ns: i128,
    #[serde(flatten)]
    hashes: Hashes,
}

/// Digests by path, with the length and time of the file they belong to.
#[derive(Default)]
pub struct HashCache {
    file: Option<PathBuf>,
    known: BTreeMap<String, Remembered>,
}

impl HashCache {
    /// Reads what is remembered; a file that cannot be read is as good as none.
    pub fn open(file: Option<PathBuf>) -> HashCache {
        let known = file.as_deref().and_then(|file| {
            let mut text = Vec::new();
            File::open(file).ok()?.take(MAX_CACHE_BYTES).read_to_end(&mut text).ok()?;
            serde_json::from_slice(&text).ok()
        });
        HashCache { file, known: known.unwrap_or_default() }
    }

    /// The digests of a file that has not changed since they were taken.
    pub fn get(&self, file: &LocalFile) -> Option<Hashes> {
        let known = self.known.get(&file.path)?;
        let is_same = known.size == file.size && known.modified_ns == file.modified_ns;
        is_same.then(|| known.hashes.clone())
    }

    /// Remembers digests, on disk too.
    ///
    /// # Errors
    /// The system's error.
    pub fn put(&mut self, file: &LocalFile, hashes: Hashes) -> io::Result<()> {
        let known = Remembered { size: file.size, modified_ns: file.modified_ns, hashes };
        self.known.insert(file.path.clone(), known);
        let Some(place) = &self.file else { return Ok(()) };
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        let unfinished = place.with_extension("partial");
        File::create(&unfinished)?.write_all(&serde_json::to_vec(&self.known)?)?;
        fs::rename(&unfinished, place)
    }
}

/// Reads a file once for both digests. `read` is told of the bytes as they are read. Blocks.
///
/// # Errors
/// The system's error, or that the file has another length than it was listed with.
pub fn hash(place: &Path, size: u64, mut read: impl FnMut(u64)) -> io::Result<Hashes> {
    let mut file = File::open(place)?;
    let (mut sha256, mut git) = (Sha256::new(), Sha1::new());
    git.update(format!("blob {size}\0"));
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut total = 0;
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        total += length as u64;
        sha256.update(&buffer[..length]);
        git.update(&buffer[..length]);
        read(length as u64);
    }
    if total != size {
        return Err(io::Error::other("it changed while it was read"));
    }
    Ok(Hashes { sha256: hex::encode(sha256.finalize()), git: hex::encode(git.finalize()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_git_and_of_sha256sum_and_are_remembered_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("hello");
        fs::write(&place, "hello\n").unwrap();
        let hashes = hash(&place, 6, |_| ()).unwrap();
        assert_eq!(hashes.git, "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(hashes.sha256, "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03");
        let cache = folder.path().join("state/hashes.json");
        let file = LocalFile { path: "hello".into(), place, size: 6, modified_ns: 5 };
        HashCache::open(Some(cache.clone())).put(&file, hashes.clone()).unwrap();
        let cache = HashCache::open(Some(cache));
        assert_eq!(cache.get(&file), Some(hashes));
        assert_eq!(cache.get(&LocalFile { modified_ns: 6, ..file.clone() }), None);
        assert_eq!(cache.get(&LocalFile { size: 7, ..file.clone() }), None);
        assert!(hash(&file.place, 7, |_| ()).is_err());
    }
}
