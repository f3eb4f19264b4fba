//! How a validator works, and why a look of one brought nothing.

use std::path::PathBuf;
use std::time::Duration;

use super::super::published::FetchError;
use crate::chain::ChainError;
use crate::domain::{Hotkey, Netuid};
use crate::replay::Sample;

/// How a validator works.
#[derive(Debug, Clone)]
pub struct ValidatorOptions {
    /// The subnet.
    pub netuid: Netuid,
    /// Between two looks for a new manifest.
    pub poll_interval: Duration,
    /// Which transcripts are fetched and held against the manifest, seeds included.
    pub read: Sample,
    /// Which of these are replayed.
    pub replays: Sample,
    /// Threads of a verification.
    pub threads: usize,
    /// Whose manifests are believed; without it, those of the hotkey that the chain names as the subnet's owner.
    pub operator: Option<Hotkey>,
    /// Set weights also where nothing is left unchecked but pictures that were drawn elsewhere.
    pub accept_unchecked_pictures: bool,
    /// Send the same weights again when they have stood for so many blocks; sooner where the chain would forget them.
    pub refresh_after_blocks: u64,
    /// The version key of the weights; [`WEIGHTS_VERSION_KEY`](crate::chain::WEIGHTS_VERSION_KEY) is this release's own.
    pub version_key: u64,
    /// Verify and print, set nothing.
    pub dry_run: bool,
    /// The data folder, for what is remembered and for reports of what differs.
    pub data_dir: PathBuf,
}

/// Why a look brought nothing. The next one tries again.
#[derive(Debug, thiserror::Error)]
pub enum ValidatorError {
    /// The manifest or a transcript could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The chain could not be read or refused the weights.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// This machine has no randomness to choose episodes with.
    #[error("the system gives no random numbers: {0}")]
    Randomness(String),
    /// A report could not be written.
    #[error("cannot write the report {file}: {error}; make room or fix the folder's owner")]
    Report {
        /// The file.
        file: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// What is to be remembered cannot be written or read.
    #[error("what the validator remembers cannot be kept in {file}: {reason}")]
    Memory {
        /// The file.
        file: String,
        /// What is wrong, and what to do.
        reason: String,
    },
}
