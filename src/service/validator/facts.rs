//! What the chain says about a manifest, asked by ourselves.

use crate::admission::{Payload, read_commitment};
use crate::beacon::DEFAULT_DEV_CHAIN;
use crate::chain::{Chain, ChainError, CommitmentData};
use crate::domain::{BlockRef, CycleId, Hotkey, Netuid};
use crate::replay::{ChainFacts, CycleManifest};
use crate::service::scheduler::claims_at;

/// Reads from the chain everything that a manifest can be held against: identity, anchor, and the submissions at the anchor
/// with the verdicts that the published rules give them. `operator` is who must have signed, where that is known.
///
/// # Errors
/// [`ChainError`], also when the manifest's anchor is not final yet.
pub async fn chain_facts(
    chain: &dyn Chain,
    netuid: Netuid,
    manifest: &CycleManifest,
    operator: Option<Hotkey>,
) -> Result<ChainFacts, ChainError> {
    let hash = chain.block_hash(manifest.anchor.number).await?;
    let anchor = BlockRef { number: manifest.anchor.number, hash };
    let claims = claims_at(chain, netuid, &anchor, &manifest.contest).await?;
    Ok(ChainFacts {
        genesis: Some(chain.genesis()),
        anchor_hash: Some(hash),
        log: None,
        operator,
        netuid: Some(netuid),
        public_beacon: Some(chain.network() == DEFAULT_DEV_CHAIN),
        submissions: Some(claims.on_chain()),
    })
}

/// What the operator's own commitment slot says of its newest manifest.
pub(super) struct LoggedDigest {
    /// The newest cycle.
    pub(super) cycle: CycleId,
    /// The text as it stands there.
    pub(super) text: String,
}

/// Reads the operator's commitment slot at the finalized head; `None` when it holds no log.
///
/// # Errors
/// [`ChainError`].
pub(super) async fn logged(
    chain: &dyn Chain,
    netuid: Netuid,
    operator: &Hotkey,
) -> Result<Option<LoggedDigest>, ChainError> {
    let head = chain.finalized_head().await?;
    let commitments = chain.commitments_at(netuid, &head).await?;
    let Some(slot) = commitments.into_iter().find(|commitment| commitment.hotkey == *operator) else {
        return Ok(None);
    };
    let CommitmentData::Bytes(data) = slot.data else { return Ok(None) };
    match read_commitment(&data) {
        Ok(Payload::Log { cycle, .. }) => {
            Ok(Some(LoggedDigest { cycle, text: String::from_utf8_lossy(&data).into_owned() }))
        }
        _ => Ok(None),
    }
}
