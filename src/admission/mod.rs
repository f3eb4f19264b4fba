//! Rules that turn a described submission into a verdict with reasons.
//!
//! What a miner wrote on the chain is read strictly ([`read_commitment`]) and then passes an ordered list of rules
//! ([`admit`]). Each refusal carries a stable code for programs, a sentence for its author, and the text it is about.

mod commitment;
mod deployment;
mod due;
mod reason;
mod rules;

pub use commitment::{ClaimText, MAX_COMMITMENT_BYTES, MAX_RAW_BYTES, Payload, encode_claim, read_commitment};
pub use deployment::check_deployment;
pub use due::keep_due;
pub use reason::{Reason, ReasonCode, Verdict};
pub use rules::{Admission, Committed, Submission, admit, admit_all};
