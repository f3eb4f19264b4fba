//! The hash-chained record of an episode, and the signed summary of a cycle.
//!
//! `docs/transcript-format.md` describes both formats for a reader in another language.

mod bits;
mod cameras;
mod canonical;
mod cbor;
mod chain;
mod dump;
mod episode_row;
mod error;
mod file;
mod footer;
mod header;
mod manifest;
mod manifest_check;
mod merkle;
mod record;
mod recorder;
mod signed;

#[cfg(test)]
mod manifest_tests;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use bits::{f64_from_hex, f64_to_hex};
pub use canonical::{MAX_SAFE_INTEGER, canonical_json};
pub use episode_row::EpisodeRow;
pub use error::TranscriptError;
pub use file::{MAX_TRANSCRIPT_BYTES, Transcript};
pub use footer::Footer;
pub use header::{FORMAT_VERSION, Header};
pub use manifest::{
    MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, SubmissionRow, Verdict, episodes_tree, log_commitment,
};
pub use manifest_check::ManifestError;
pub use merkle::{InclusionProof, MerkleTree, leaf_digest};
pub use record::{ResetRecord, StepRecord};
pub use recorder::{Observed, Recorder, StepInput, digest_of_doubles};
pub use signed::{MAX_MANIFEST_BYTES, SignedManifest};
