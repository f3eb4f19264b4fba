//! The summary of a cycle: everything that a stranger needs to check its weights.

use serde::{Deserialize, Serialize};

use super::{EpisodeRow, MerkleTree, canonical_json};
use crate::admission::Judged;
use crate::beacon::Beacon;
use crate::domain::{
    BlockHash, BlockNumber, BlockRef, Claim, Contest, CycleId, Digest, EngineFingerprint, Hotkey, Netuid, Uid,
    WeightsDigest,
};

/// What this JSON is.
pub const MANIFEST_FORMAT: &str = "kinitro-manifest";
/// The one version of it that this build writes and reads.
pub const MANIFEST_VERSION: u64 = 1;

/// A cycle's summary. `S` is the scores, which the `score` row defines; this row only carries them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest<S> {
    /// [`MANIFEST_FORMAT`].
    pub format: String,
    /// [`MANIFEST_VERSION`].
    pub version: u64,
    /// The chain's name for people, such as `finney`, `test`, `local` or `dev`; its identity is `genesis`.
    pub network: String,
    /// The chain's genesis hash.
    pub genesis: BlockHash,
    /// The subnet.
    pub netuid: Netuid,
    /// The cycle's number, counted from 1 by each operator.
    pub cycle: CycleId,
    /// The finalized block at which neurons and commitments were read.
    pub anchor: BlockRef,
    /// The cycle's randomness with its proof.
    pub beacon: Beacon,
    /// The contest's settings.
    pub contest: Contest,
    /// [`Contest::digest`] of them.
    pub contest_digest: Digest,
    /// What decided every trajectory's bits.
    pub engine: EngineFingerprint,
    /// [`EngineFingerprint::digest`] of it.
    pub engine_digest: Digest,
    /// Every submission with its verdict, by uid.
    pub submissions: Vec<SubmissionRow>,
    /// Every episode of every admitted submission, by environment, index and uid.
    pub episodes: Vec<EpisodeRow>,
    /// Merkle root over `episodes`, each leaf the row's canonical JSON.
    pub episodes_root: Digest,
    /// Success rates, points and weights.
    pub scores: S,
    /// Digest of the manifest published before this one, or zeros for the first.
    pub previous: Digest,
    /// Whose signature stands under it.
    pub operator: Hotkey,
}

/// One submission as admission saw it at the anchor block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmissionRow {
    /// Where it sat.
    pub uid: Uid,
    /// Who it is.
    pub hotkey: Hotkey,
    /// The claim; none when the commitment could not be read as one.
    pub claim: Option<Claim>,
    /// The date by which of equal weights the first is told: the block of the claim, or of the oldest claim of the same weights.
    pub since: BlockNumber,
    /// What admission decided.
    pub verdict: Verdict,
    /// The canonical digest of its tensors, where the contest has rules about repositories and they were read, in this cycle or
    /// an earlier one. Not written otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<WeightsDigest>,
}

/// Admission's decision as it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// It took part.
    Admitted,
    /// It did not.
    Refused {
        /// Reason codes, such as `repo_malformed`; at least one.
        reasons: Vec<String>,
    },
}

impl Verdict {
    /// The verdict of these reasons; admitted without any.
    pub fn of_codes(reasons: Vec<String>) -> Verdict {
        if reasons.is_empty() { Verdict::Admitted } else { Verdict::Refused { reasons } }
    }

    /// The reason codes; none of an admitted submission.
    pub fn codes(&self) -> &[String] {
        match self {
            Verdict::Admitted => &[],
            Verdict::Refused { reasons } => reasons,
        }
    }
}

impl SubmissionRow {
    /// The row of a judged submission.
    pub fn of(judged: &Judged) -> SubmissionRow {
        let admission = &judged.admission;
        SubmissionRow {
            uid: admission.uid,
            hotkey: admission.hotkey,
            claim: admission.claim.clone(),
            since: judged.since,
            verdict: Verdict::of_codes(admission.verdict.codes()),
            weights: judged.weights,
        }
    }

    /// Whether it took part.
    pub fn is_admitted(&self) -> bool {
        self.verdict == Verdict::Admitted
    }
}

/// The tree over a manifest's episode rows.
pub fn episodes_tree(episodes: &[EpisodeRow]) -> MerkleTree {
    MerkleTree::new(episodes.iter().map(canonical_json))
}

/// The text that goes into the operator's commitment slot on the chain, so that published history cannot be rewritten quietly:
/// `{"t":"log","c":cycle,"h":"<64 hex>"}`, at most 108 bytes.
pub fn log_commitment(cycle: CycleId, digest: &Digest) -> String {
    format!(r#"{{"t":"log","c":{cycle},"h":"{digest}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::log_commitment;
    use crate::domain::{CycleId, Digest};

    #[test]
    fn the_log_fits_the_commitment_slot() {
        let text = log_commitment(CycleId(u64::MAX), &Digest([0xab; 32]));
        assert!(text.len() <= 128);
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["h"].as_str().unwrap().len(), 64);
    }
}
