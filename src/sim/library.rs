//! Which libmujoco was loaded.

use std::fs;

use super::engine;
use super::error::SimError;
use crate::domain::Digest;

/// The version whose trajectories we promise.
pub(super) const MUJOCO_VERSION: &str = "3.17.0";

/// The blake3 digest of the file from which libmujoco was loaded.
///
/// # Errors
/// Another version, or a file that cannot be read.
pub(super) fn identify() -> Result<Digest, SimError> {
    let found = engine::library_version();
    if found != MUJOCO_VERSION {
        return Err(SimError::LibraryVersion { found, expected: MUJOCO_VERSION });
    }
    let unknown = |reason: String| SimError::LibraryFile { reason };
    let file = engine::library_file().ok_or_else(|| unknown("the dynamic linker does not name its file".into()))?;
    let bytes = fs::read(&file).map_err(|error| unknown(format!("{}: {error}", file.display())))?;
    Ok(Digest::of(&bytes))
}
