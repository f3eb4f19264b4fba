//! A miner's claim as it stands on the chain.

use serde::{Deserialize, Serialize};

use super::{BlockNumber, Hotkey, Uid};

/// One parsed commitment: which policy a miner claims, where it runs, and since which block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Block in which the commitment was made; the date of the claim.
    pub block: BlockNumber,
    /// Model repository, `owner/name`.
    pub repo: String,
    /// Revision of the repository: a full commit sha.
    pub revision: String,
    /// Deployment: a platform's id, or a URL in contests that allow one.
    pub deployment: String,
}

/// A registered miner with its claim, as read at a cycle's anchor block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miner {
    /// The miner's identity.
    pub hotkey: Hotkey,
    /// Where it sat at the anchor block.
    pub uid: Uid,
    /// What it claims.
    pub claim: Claim,
}
