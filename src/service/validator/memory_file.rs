//! Where a validator's memory stands, and that nobody else uses it meanwhile.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ValidatorError;
use super::memory::Memory;
use crate::domain::{BlockHash, Digest, Hotkey, Netuid};
use crate::replay::SignedCycle;
use crate::service::files::{NewFile, read_capped};
use crate::transcript::MAX_MANIFEST_BYTES;

/// Folder inside the data folder.
const FOLDER: &str = "validator";
/// Version of the file's form.
const VERSION: u32 = 1;
/// Longest file: it holds at most some hundred weights a few times over.
const MAX_BYTES: usize = 4 << 20;

/// Whose memory it is: that of another chain, subnet or hotkey means nothing here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Owner {
    /// Hash of block 0.
    pub(super) genesis: BlockHash,
    /// The subnet.
    pub(super) netuid: Netuid,
    /// Who sets weights.
    pub(super) hotkey: Hotkey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    owner: Owner,
    memory: Memory,
}

/// The file, and the right to write it.
pub(super) struct MemoryFile {
    path: PathBuf,
    owner: Owner,
    /// Held as long as this value; none in a dry run, which writes nothing.
    lock: Option<File>,
}

impl MemoryFile {
    /// Opens the memory of `owner` below a data folder, empty where there was none. A dry run reads it beside a running
    /// validator.
    ///
    /// # Errors
    /// [`ValidatorError::Memory`]: another validator holds it, or it cannot be read.
    pub(super) fn open(data_dir: &Path, owner: Owner, dry_run: bool) -> Result<(MemoryFile, Memory), ValidatorError> {
        let folder = data_dir.join(FOLDER);
        let path = folder.join(format!("subnet-{}-{}.json", owner.netuid, owner.hotkey));
        let failed = |error: std::io::Error| told(&path, format!("{error}; fix the folder's owner or free space"));
        let lock = if dry_run {
            None
        } else {
            fs::create_dir_all(&folder).map_err(failed)?;
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(path.with_extension("lock"));
            let file = file.map_err(failed)?;
            match file.try_lock() {
                Ok(()) => Some(file),
                Err(TryLockError::WouldBlock) => {
                    let hotkey = &owner.hotkey;
                    let reason =
                        format!("another validator works for {hotkey} here; stop it, or use --dry-run beside it");
                    return Err(told(&path, reason));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        };
        let memory = if path.exists() { read(&path, &owner)? } else { Memory::default() };
        Ok((MemoryFile { path, owner, lock }, memory))
    }

    /// Its name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the memory, whole or not at all. It holds the secret that chooses episodes, so nobody else may read it.
    ///
    /// # Errors
    /// [`ValidatorError::Memory`].
    pub(super) fn store(&self, memory: &Memory) -> Result<(), ValidatorError> {
        let stored = Stored { version: VERSION, owner: self.owner.clone(), memory: memory.clone() };
        let mut json = serde_json::to_vec_pretty(&stored).expect("a memory is plain data");
        json.push(b'\n');
        self.write(&self.path, &json)
    }

    /// Keeps the manifest under examination, so that a second one of its cycle can be shown beside it.
    ///
    /// # Errors
    /// [`ValidatorError::Memory`].
    pub(super) fn keep_manifest(&self, signed: &SignedCycle) -> Result<(), ValidatorError> {
        self.write(&self.manifest_path(), &signed.to_json())
    }

    /// The manifest that is kept, if it is the one with this digest.
    pub(super) fn kept_manifest(&self, digest: Digest) -> Option<SignedCycle> {
        let bytes = read_capped(&self.manifest_path(), MAX_MANIFEST_BYTES).ok()?;
        SignedCycle::from_json(&bytes).ok().filter(|signed| signed.digest == digest)
    }

    fn manifest_path(&self) -> PathBuf {
        self.path.with_extension("manifest.json")
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), ValidatorError> {
        if self.lock.is_none() {
            return Ok(());
        }
        let written = NewFile::create_private(path).and_then(|new| {
            new.handle()?.write_all(bytes)?;
            new.finish()
        });
        written.map(drop).map_err(|error| told(path, format!("{error}; make room or fix the folder's owner")))
    }
}

fn read(path: &Path, owner: &Owner) -> Result<Memory, ValidatorError> {
    let unusable = |reason: String| {
        told(path, format!("{reason}; remove the file to begin anew: weights that stand may be sent once more then"))
    };
    let bytes = match read_capped(path, MAX_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::FileTooLarge => return Err(unusable(error.to_string())),
        Err(error) => return Err(told(path, format!("{error}; fix the owner of the file and its folder"))),
    };
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|error| unusable(error.to_string()))?;
    if stored.version != VERSION {
        return Err(unusable(format!("its version is {}, and this program reads {VERSION}", stored.version)));
    }
    if stored.owner != *owner {
        tracing::warn!(file = %path.display(), "the validator's memory is of another chain; it begins anew");
        return Ok(Memory::default());
    }
    Ok(stored.memory)
}

fn told(path: &Path, reason: String) -> ValidatorError {
    ValidatorError::Memory { file: path.display().to_string(), reason }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::domain::CycleId;

    fn owner(genesis: u8) -> Owner {
        Owner { genesis: BlockHash([genesis; 32]), netuid: Netuid(2), hotkey: Hotkey([7; 32]) }
    }

    fn of_cycle(cycle: u64) -> Memory {
        let mut memory = Memory::default();
        memory.finish(CycleId(cycle));
        memory
    }

    #[test]
    fn it_outlives_the_process_and_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let (file, memory) = MemoryFile::open(folder.path(), owner(1), false).unwrap();
        assert_eq!(memory, Memory::default());
        file.store(&of_cycle(4)).unwrap();
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        let held = MemoryFile::open(folder.path(), owner(1), false).err().unwrap().to_string();
        assert!(held.contains("another validator works for"), "{held}");
        let (beside, seen) = MemoryFile::open(folder.path(), owner(1), true).unwrap();
        assert_eq!(seen, of_cycle(4));
        beside.store(&of_cycle(9)).unwrap();
        drop((file, beside));
        let (_file, memory) = MemoryFile::open(folder.path(), owner(1), false).unwrap();
        assert_eq!(memory, of_cycle(4), "a dry run writes nothing");
    }

    #[test]
    fn another_chains_memory_is_none_and_a_torn_one_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = MemoryFile::open(folder.path(), owner(1), false).unwrap();
        file.store(&of_cycle(4)).unwrap();
        let path = file.path().to_owned();
        drop(file);
        let (file, memory) = MemoryFile::open(folder.path(), owner(2), false).unwrap();
        assert_eq!(memory, Memory::default());
        drop(file);
        for torn in ["", "{\"version\": 1", "[]"] {
            fs::write(&path, torn).unwrap();
            let told = MemoryFile::open(folder.path(), owner(1), false).err().unwrap().to_string();
            assert!(told.contains("remove the file to begin anew"), "{told}");
        }
    }
}
