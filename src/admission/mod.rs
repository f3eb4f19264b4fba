//! Rules that turn a described submission into a verdict with reasons.
//!
//! What a miner wrote on the chain is read strictly ([`read_commitment`]) and then passes an ordered list of rules
//! ([`admit`]). Each refusal carries a stable code for programs, a sentence for its author, and the text it is about.
//!
//! Contests with rules about repositories judge the described submissions of a cycle together ([`admit_described`]): whoever
//! fetches a [`Description`] knows nothing of the rules, and the rules fetch nothing.

mod commitment;
mod contradiction;
mod deployment;
mod described;
mod description;
mod due;
mod duplicates;
mod history;
mod reason;
mod repository;
mod rules;
mod weights;

pub use commitment::{ClaimText, MAX_COMMITMENT_BYTES, MAX_RAW_BYTES, Payload, encode_claim, read_commitment};
pub use contradiction::contradiction;
pub use deployment::check_deployment;
pub use described::{Judged, Judgement, admit_described};
pub use description::{
    ChainFacts, ColdkeyText, Description, Endpoint, MAX_COLDKEY_BYTES, RepoFile, Repository, RepositoryState,
    WeightsState,
};
pub use due::{Candidate, due_uids, keep_due};
pub use duplicates::{DuplicateError, NearCopy, PublishedClaim, ToldClaim, check_duplicates, duplicate_among};
pub use history::ClaimHistory;
pub use reason::{Reason, ReasonCode, Verdict};
pub use repository::{COLDKEY_FILE, Finding, Judgeable, PICKLED, Rule, is_weights_file, judge};
pub use rules::{Admission, Committed, Submission, admit, admit_all, is_repo_name};
pub use weights::{
    FileReader, FileWeights, MAX_FILES, MAX_HEADER_BYTES, MAX_TENSORS, MIN_FILE_BYTES, NamedTensor, TensorPart,
    Weights, WeightsFault, WeightsJoin, WeightsProblem,
};
