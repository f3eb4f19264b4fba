//! A miner's claim on the chain: written and read back, or looked up.

use std::time::Duration;

use crate::admission::{ClaimText, Committed, Payload, Reason, ReasonCode, Verdict, admit, encode_claim};
use crate::beacon::OperatorKey;
use crate::chain::{Chain, ChainError, CommitmentData, RawCommitment, opaque_kind};
use crate::domain::{BlockNumber, BlockRef, CycleId, DeploymentRules, Digest, Hotkey, Netuid, Uid};

/// Between two looks for the block that makes a claim final.
const LOOK: Duration = Duration::from_secs(1);

/// Why a claim is not on the chain, or cannot be found there.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The chain could not be read or refused the claim.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The claim's texts would be refused in every contest.
    #[error("nothing was written: {}", reasons.iter().map(Reason::to_string).collect::<Vec<_>>().join(" "))]
    Malformed {
        /// Why.
        reasons: Vec<Reason>,
    },
    /// The slot holds the same claim already.
    #[error("the slot holds this claim since block {since}; writing it again would only date it later (--force does)")]
    Unchanged {
        /// Its date.
        since: BlockNumber,
    },
    /// Nobody has that uid.
    #[error("subnet {netuid} has no uid {uid} at block {block}")]
    NoSuchUid {
        /// The subnet.
        netuid: Netuid,
        /// The uid.
        uid: Uid,
        /// Where it was looked for.
        block: BlockNumber,
    },
    /// The block that holds the claim did not become final in time.
    #[error("block {block} holds the claim and is not final after {seconds} s; look with `kinitro show-commitment`")]
    NotFinal {
        /// The block.
        block: BlockNumber,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A block held the claim, and then the chain could not be read.
    #[error(
        "block {block} held the claim, which could not be read back ({cause}); look with `kinitro show-commitment`"
    )]
    Unread {
        /// The block.
        block: BlockNumber,
        /// Why not.
        cause: ChainError,
    },
    /// What is final is something else than what was written.
    #[error(
        "at final block {head} the slot does not hold the claim that was written in block {block}{}: another program \
             of this hotkey wrote, or the block was dropped; look with `kinitro show-commitment` and commit again",
        .older.map_or(String::new(), |since| format!(", but an equal one of block {since}"))
    )]
    NotThere {
        /// Where it was written.
        block: BlockNumber,
        /// Where it was looked for.
        head: BlockNumber,
        /// Date of an equal claim that stands there since before.
        older: Option<BlockNumber>,
    },
    /// The claim was sent, nobody said what became of it, and it does not stand so far.
    #[error(
        "{cause}. The claim does not stand {seconds} s later{}, but may still be taken; look with \
             `kinitro show-commitment` before you send it again",
        .head.map_or(String::new(), |head| format!(", at final block {head}"))
    )]
    FateUnknown {
        /// What the chain's client said.
        cause: ChainError,
        /// The last final block at which the slot could be read.
        head: Option<BlockNumber>,
        /// How long it was looked for.
        seconds: u64,
    },
}

/// Whose slot is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A hotkey's, registered or not.
    Hotkey(Hotkey),
    /// That of the hotkey which has this uid.
    Uid(Uid),
}

/// A commitment slot at a finalized block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The block.
    pub head: BlockRef,
    /// Whose.
    pub hotkey: Hotkey,
    /// Where the hotkey sits; none when it is not registered.
    pub uid: Option<Uid>,
    /// What it holds.
    pub commitment: Option<RawCommitment>,
}

/// What a slot's content means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// There is none.
    Empty,
    /// A miner's claim, with the verdict of a contest's rules.
    Claim(ClaimText, Verdict),
    /// An operator's entry: the manifest of a cycle.
    Log(CycleId, Digest),
    /// Something of another kind, which kinitro ignores.
    Foreign,
    /// No claim, though it should be one, or not plain bytes.
    Refused(Reason),
}

impl Slot {
    /// What it holds, under the rules of a contest.
    pub fn meaning(&self, rules: &DeploymentRules) -> Meaning {
        let content = match self.commitment.as_ref().map(|commitment| &commitment.data) {
            None => return Meaning::Empty,
            Some(CommitmentData::Opaque(fields)) => Committed::Opaque(opaque_kind(fields)),
            Some(CommitmentData::Bytes(data)) => Committed::Bytes(data.clone()),
        };
        match content.read() {
            Ok(Payload::Claim(claim)) => {
                let verdict = admit(&claim, rules);
                Meaning::Claim(claim, verdict)
            }
            Ok(Payload::Log { cycle, digest }) => Meaning::Log(cycle, digest),
            Ok(Payload::Foreign) => Meaning::Foreign,
            Err(reason) => Meaning::Refused(reason),
        }
    }

    /// The block that dates these bytes, if the slot holds just them.
    fn holds_since(&self, data: &[u8]) -> Option<BlockNumber> {
        let commitment = self.commitment.as_ref()?;
        matches!(&commitment.data, CommitmentData::Bytes(there) if there == data).then_some(commitment.block)
    }
}

/// Reads a slot at the finalized head.
///
/// # Errors
/// [`ClaimError::NoSuchUid`], [`ClaimError::Chain`].
pub async fn read_slot(chain: &dyn Chain, netuid: Netuid, who: Who) -> Result<Slot, ClaimError> {
    let head = chain.finalized_head().await?;
    let neurons = chain.neurons_at(netuid, &head).await?;
    let neuron = neurons.iter().find(|neuron| match who {
        Who::Hotkey(hotkey) => neuron.hotkey == hotkey,
        Who::Uid(uid) => neuron.uid == uid,
    });
    let hotkey = match (who, neuron) {
        (Who::Hotkey(hotkey), _) => hotkey,
        (Who::Uid(_), Some(neuron)) => neuron.hotkey,
        (Who::Uid(uid), None) => return Err(ClaimError::NoSuchUid { netuid, uid, block: head.number }),
    };
    let commitments = chain.commitments_at(netuid, &head).await?;
    let commitment = commitments.into_iter().find(|commitment| commitment.hotkey == hotkey);
    Ok(Slot { head, hotkey, uid: neuron.map(|neuron| neuron.uid), commitment })
}

/// The bytes of a claim that a contest may admit. Whether a contest allows the deployment is its own affair: the second
/// value holds what the rules given here say against it.
///
/// # Errors
/// [`ClaimError::Malformed`] for a claim that every contest refuses.
pub fn claim_bytes(claim: &ClaimText, rules: &DeploymentRules) -> Result<(Vec<u8>, Vec<Reason>), ClaimError> {
    let is_contests = |reason: &Reason| reason.code == ReasonCode::DeploymentNotAllowed;
    let reasons = admit(claim, rules).reasons().to_vec();
    let (contests, malformed): (Vec<Reason>, Vec<Reason>) = reasons.into_iter().partition(is_contests);
    if !malformed.is_empty() {
        return Err(ClaimError::Malformed { reasons: malformed });
    }
    let data = encode_claim(claim).map_err(|reason| ClaimError::Malformed { reasons: vec![reason] })?;
    Ok((data, contests))
}

/// A hotkey that may write its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ready {
    /// Where it sits.
    pub uid: Uid,
    /// The final block at which that was so; a claim that is written now has a later date.
    pub head: BlockNumber,
}

/// Checks what can be checked before a claim is written: that the hotkey is registered and, unless `again`, that the slot
/// does not hold the claim already.
///
/// # Errors
/// [`ChainError::NotRegistered`], [`ClaimError::Unchanged`], [`ClaimError::Chain`].
pub async fn may_commit(
    chain: &dyn Chain,
    hotkey: Hotkey,
    netuid: Netuid,
    data: &[u8],
    again: bool,
) -> Result<Ready, ClaimError> {
    let slot = read_slot(chain, netuid, Who::Hotkey(hotkey)).await?;
    let uid = slot.uid.ok_or(ChainError::NotRegistered { hotkey, netuid })?;
    match slot.holds_since(data).filter(|_| !again) {
        Some(since) => Err(ClaimError::Unchanged { since }),
        None => Ok(Ready { uid, head: slot.head.number }),
    }
}

/// What became of a claim that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A block holds it.
    In(BlockNumber),
    /// Nobody says: the connection was lost, or no block came in time. It may be taken all the same.
    Unknown(ChainError),
}

/// Sends a claim's bytes.
///
/// # Errors
/// [`ClaimError::Chain`] when the chain refuses it, so that it never stands.
pub async fn write_claim(
    chain: &dyn Chain,
    key: &OperatorKey,
    netuid: Netuid,
    data: &[u8],
) -> Result<Sent, ClaimError> {
    match chain.set_commitment(key, netuid, data).await {
        Ok(receipt) => Ok(Sent::In(receipt.block)),
        Err(error) if error.is_of_unknown_fate() => Ok(Sent::Unknown(error)),
        Err(error) => Err(error.into()),
    }
}

/// Waits until a block that was said to hold a claim is final, for `patience` at most, and reads the claim back. Returns
/// its date, which is that block or, after a fork, a later one. An equal claim of an earlier block is not this one.
///
/// # Errors
/// [`ClaimError::NotFinal`], [`ClaimError::NotThere`], [`ClaimError::Unread`].
pub async fn read_back(
    chain: &dyn Chain,
    hotkey: Hotkey,
    netuid: Netuid,
    (block, data): (BlockNumber, &[u8]),
    patience: Duration,
) -> Result<BlockNumber, ClaimError> {
    let finality = async {
        while chain.finalized_head().await?.number < block {
            tokio::time::sleep(LOOK).await;
        }
        Ok::<_, ChainError>(())
    };
    let seconds = patience.as_secs();
    let unread = |cause| ClaimError::Unread { block, cause };
    let waited = tokio::time::timeout(patience, finality).await;
    waited.map_err(|_| ClaimError::NotFinal { block, seconds })?.map_err(unread)?;
    let slot = match read_slot(chain, netuid, Who::Hotkey(hotkey)).await {
        Err(ClaimError::Chain(cause)) => return Err(unread(cause)),
        slot => slot?,
    };
    let (head, since) = (slot.head.number, slot.holds_since(data));
    since.filter(|since| *since >= block).ok_or(ClaimError::NotThere { block, head, older: since })
}

/// Looks for `patience` whether a claim of unknown fate stands after all, with a date after block `before`. A chain that
/// cannot be read meanwhile is asked again. Returns the claim's date.
///
/// # Errors
/// [`ClaimError::FateUnknown`].
pub async fn look_for(
    chain: &dyn Chain,
    hotkey: Hotkey,
    netuid: Netuid,
    (before, data): (BlockNumber, &[u8]),
    (cause, patience): (ChainError, Duration),
) -> Result<BlockNumber, ClaimError> {
    let mut head = None;
    let looking = async {
        loop {
            let newest = chain.finalized_head().await.ok().map(|newest| newest.number);
            if newest != head
                && let Ok(slot) = read_slot(chain, netuid, Who::Hotkey(hotkey)).await
            {
                head = Some(slot.head.number);
                if let Some(since) = slot.holds_since(data).filter(|since| *since > before) {
                    return since;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let found = tokio::time::timeout(patience, looking).await;
    found.map_err(|_| ClaimError::FateUnknown { cause, head, seconds: patience.as_secs() })
}

#[cfg(test)]
mod tests;
