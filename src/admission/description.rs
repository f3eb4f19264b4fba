//! A submission described: what the hub, the chain and the endpoint said, without any judgement.

use jiff::Timestamp;

use super::{Weights, WeightsProblem};
use crate::domain::Hotkey;

/// Longest `coldkey.txt` that is looked at: an address has 48 bytes, the rest is room for line ends.
pub const MAX_COLDKEY_BYTES: u64 = 1_024;

/// What is known of a submission besides its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// What the hub says of the claim's repository and revision.
    pub repository: RepositoryState,
    /// What the chain says of the hotkey at the cycle's anchor.
    pub chain: ChainFacts,
    /// What the endpoint answered.
    pub endpoint: Endpoint,
}

/// What the hub says of a repository at a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryState {
    /// There is none, or only its owner may know of it.
    Missing,
    /// There is one, but not everybody may read it; with the hub's word for it, such as `private` or `gated`.
    Private(String),
    /// There is one, without that revision.
    RevisionMissing,
    /// It could not be described in time, by no fault of the miner's; why.
    Unfinished(String),
    /// It is there.
    Found(Repository),
}

/// A repository at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// The revision's full commit sha.
    pub sha: String,
    /// When the revision was made, by the hub's word.
    pub last_modified: Option<Timestamp>,
    /// All its files.
    pub files: Vec<RepoFile>,
    /// Its `coldkey.txt`.
    pub coldkey: ColdkeyText,
    /// Its tensors.
    pub weights: WeightsState,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoFile {
    /// Path from the repository's root.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Repository {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

/// The content of `coldkey.txt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColdkeyText {
    /// There is no such file.
    Missing,
    /// It has more than [`MAX_COLDKEY_BYTES`] and was not read.
    TooLong(u64),
    /// Its bytes as text; what is not UTF-8 is replaced.
    Text(String),
    /// It was not read, because other reasons stand against the repository already.
    NotRead,
}

/// The tensors of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WeightsState {
    /// They were not read: there are none, or the repository is refused by its size or files already.
    NotRead,
    /// All of them.
    Read(Weights),
    /// The files are broken.
    Wrong(WeightsProblem),
}

/// What the chain says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChainFacts {
    /// The account that owns the hotkey; none when it was not asked for.
    pub coldkey: Option<Hotkey>,
    /// The hotkey's stake in rao; none when it was not asked for.
    pub stake_rao: Option<u64>,
    /// Time of the cycle's anchor block; none when it was not asked for.
    pub anchor_time: Option<Timestamp>,
}

/// What the endpoint of a claim answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// As a policy does.
    Healthy,
    /// Something else, or nothing; a sentence.
    Unhealthy(String),
    /// It was not called.
    NotAsked,
}
