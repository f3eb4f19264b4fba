//! Transcripts by their content, one file each.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::StoreError;
use crate::domain::Digest;

/// Extension of a transcript file.
const EXTENSION: &str = "ktr";
/// Largest stored file that is read back: the cap of an upload (16 MiB).
pub(crate) const MAX_BLOB_BYTES: u64 = 16 << 20;

/// A folder of immutable files named by digest: `ab/cdef….ktr`.
///
/// A file appears under its name only when it is complete and durable: written beside, synced, renamed, and the
/// folder synced. All methods block; call them from threads that may.
#[derive(Debug)]
pub struct BlobStore {
    root: PathBuf,
    /// Makes the names of unfinished files different within this process.
    serial: AtomicU64,
}

impl BlobStore {
    /// Opens the folder, making it if it is missing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be written.
    pub fn open(root: &Path) -> Result<BlobStore, StoreError> {
        let store = BlobStore { root: root.into(), serial: AtomicU64::new(0) };
        fs::create_dir_all(&store.root).map_err(|error| store.unavailable("make", &error))?;
        Ok(store)
    }

    /// The folder for reading alone; it is not made where it is missing, and holds nothing then.
    pub fn at(root: &Path) -> BlobStore {
        BlobStore { root: root.into(), serial: AtomicU64::new(0) }
    }

    /// Keeps `bytes` under `digest`; durable on return. Answers whether they are new.
    ///
    /// The caller has checked that `digest` names the bytes: it is a transcript's id, not their plain hash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be written.
    pub fn put(&self, digest: &Digest, bytes: &[u8]) -> Result<bool, StoreError> {
        let path = self.path_of(digest);
        if path.exists() {
            return Ok(false);
        }
        self.write_new(&path, bytes).map_err(|error| self.unavailable("write", &error))?;
        Ok(true)
    }

    fn write_new(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().expect("every blob lies in a folder");
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            File::open(&self.root)?.sync_all()?;
        }
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        // Beside its final place and not in one folder for all: many writers would queue for that folder's lock.
        let unfinished = folder.join(format!("{}-{serial}.partial", std::process::id()));
        let written = (|| {
            let mut file = File::create(&unfinished)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            fs::rename(&unfinished, path)?;
            File::open(folder)?.sync_all()
        })();
        if written.is_err() {
            // Nothing may be left of a failed write; that it cannot be removed changes nothing for the caller.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// The bytes kept under `digest`, if there are any.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be read, [`StoreError::Corrupt`] when it is larger than
    /// anything this program stores.
    pub fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let file = match File::open(self.path_of(digest)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unavailable("read", &error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_BLOB_BYTES + 1).read_to_end(&mut bytes).map_err(|error| self.unavailable("read", &error))?;
        if bytes.len() as u64 > MAX_BLOB_BYTES {
            return Err(StoreError::Corrupt(format!("transcript {digest} is larger than {MAX_BLOB_BYTES} bytes")));
        }
        Ok(Some(bytes))
    }

    /// Whether something is kept under `digest`.
    pub fn contains(&self, digest: &Digest) -> bool {
        self.path_of(digest).exists()
    }

    /// Every digest in the folder, in no order.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the folder cannot be read.
    pub fn list(&self) -> Result<Vec<Digest>, StoreError> {
        let read = || -> io::Result<Vec<Digest>> {
            let mut found = Vec::new();
            for shelf in self.shelves()? {
                let first = shelf.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
                for file in fs::read_dir(&shelf)? {
                    let file = file?.path();
                    if file.extension().is_none_or(|extension| extension != EXTENSION) {
                        continue;
                    }
                    let rest = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                    found.extend(format!("{first}{rest}").parse::<Digest>().ok());
                }
            }
            Ok(found)
        };
        read().map_err(|error| self.unavailable("list", &error))
    }

    /// The folders `00` to `ff` that exist.
    fn shelves(&self) -> io::Result<Vec<PathBuf>> {
        let mut shelves = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            let is_shelf = |name: &str| name.len() == 2 && name.bytes().all(|b| b.is_ascii_hexdigit());
            if path.file_name().and_then(|name| name.to_str()).is_some_and(is_shelf) {
                shelves.push(path);
            }
        }
        Ok(shelves)
    }

    /// Digests in the folder that `known` does not hold: uploads whose result never came.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the folder cannot be read.
    pub fn orphans(&self, known: &std::collections::BTreeSet<Digest>) -> Result<Vec<Digest>, StoreError> {
        Ok(self.list()?.into_iter().filter(|digest| !known.contains(digest)).collect())
    }

    /// Forgets what is kept under `digest`; that it is gone already is fine.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the file cannot be removed.
    pub fn remove(&self, digest: &Digest) -> Result<(), StoreError> {
        match fs::remove_file(self.path_of(digest)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unavailable("remove from", &error)),
            _ => Ok(()),
        }
    }

    /// Removes everything that is kept, files left by an interrupted write included. Nobody may be writing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when something cannot be removed.
    pub fn clear(&self) -> Result<(), StoreError> {
        let clear = || -> io::Result<()> { self.shelves()?.iter().try_for_each(fs::remove_dir_all) };
        clear().map_err(|error| self.unavailable("empty", &error))
    }

    /// Where `digest` lies.
    pub fn path_of(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(format!("{}.{EXTENSION}", &name[2..]))
    }

    fn unavailable(&self, what: &str, error: &io::Error) -> StoreError {
        StoreError::Unavailable(format!("cannot {what} the transcript folder {}: {error}", self.root.display()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::BlobStore;
    use crate::domain::Digest;

    #[test]
    fn what_was_put_comes_back_and_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobStore::open(folder.path()).unwrap();
        let digest = Digest::of(b"episode");
        assert!(blobs.put(&digest, b"episode").unwrap());
        assert!(!blobs.put(&digest, b"episode").unwrap());
        assert_eq!(blobs.get(&digest).unwrap().unwrap(), b"episode");
        assert_eq!(blobs.get(&Digest::of(b"other")).unwrap(), None);
        let shelf = blobs.path_of(&digest).parent().unwrap().to_owned();
        assert_eq!(std::fs::read_dir(shelf).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn uploads_without_a_row_are_found_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = BlobStore::open(folder.path()).unwrap();
        let (kept, lost) = (Digest::of(b"kept"), Digest::of(b"lost"));
        blobs.put(&kept, b"kept").unwrap();
        blobs.put(&lost, b"lost").unwrap();
        assert_eq!(blobs.orphans(&BTreeSet::from([kept])).unwrap(), [lost]);
        blobs.remove(&lost).unwrap();
        blobs.remove(&lost).unwrap();
        assert_eq!(blobs.list().unwrap(), [kept]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_unavailable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let error = BlobStore::open(&file).unwrap_err().to_string();
        assert!(error.contains("cannot make the transcript folder"), "{error}");
    }
}
