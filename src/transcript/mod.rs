//! The hash-chained record of an episode, and the signed summary of a cycle.
//!
//! `docs/transcript-format.md` describes both formats for a reader in another language.

mod bits;
mod cbor;
mod chain;
mod error;
mod file;
mod footer;
mod header;
mod record;
mod recorder;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;

pub use bits::{f64_from_hex, f64_to_hex};
pub use error::TranscriptError;
pub use file::{MAX_TRANSCRIPT_BYTES, Transcript};
pub use footer::Footer;
pub use header::{FORMAT_VERSION, Header};
pub use record::{ResetRecord, StepRecord};
pub use recorder::{Observed, Recorder, StepInput, digest_of_doubles};
