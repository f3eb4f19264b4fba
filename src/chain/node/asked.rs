//! What the holder of a hotkey asks of the chain: known again when it is asked for once more.

use super::super::{ChainError, WeightSubmission, WeightsForm, check_commitment};
use super::NodeChain;
use super::signing::{self, Payload};
use crate::domain::{BlockNumber, Hotkey, Netuid};

/// A write.
#[derive(Clone)]
pub(super) enum Asked {
    Commitment(Netuid, Vec<u8>),
    Weights(Netuid, WeightSubmission),
    Reveal(Netuid, WeightSubmission),
}

/// A write that a final block took.
pub(super) struct Taken {
    pub(super) block: BlockNumber,
    /// How weights went; of other writes it says nothing.
    pub(super) form: WeightsForm,
}

impl Asked {
    pub(super) fn netuid(&self) -> Netuid {
        match self {
            Asked::Commitment(netuid, _) | Asked::Weights(netuid, _) | Asked::Reveal(netuid, _) => *netuid,
        }
    }

    pub(super) fn weights(&self) -> Option<&WeightSubmission> {
        match self {
            Asked::Commitment(..) => None,
            Asked::Weights(_, weights) | Asked::Reveal(_, weights) => Some(weights),
        }
    }

    /// Whether a block that took this in the given form did what the other asks for. A salt is a part of hashed and
    /// revealed weights alone.
    pub(super) fn is_as_good_as(&self, form: WeightsForm, other: &Asked) -> bool {
        match (self, other) {
            (Asked::Commitment(netuid, data), Asked::Commitment(other_netuid, other)) => {
                (netuid, data) == (other_netuid, other)
            }
            (Asked::Weights(netuid, weights), Asked::Weights(other_netuid, other)) => {
                let salts_agree = form != WeightsForm::Hashed || weights.salt == other.salt;
                netuid == other_netuid && salts_agree && are_alike(weights, other)
            }
            (Asked::Reveal(netuid, weights), Asked::Reveal(other_netuid, other)) => {
                netuid == other_netuid && weights.salt == other.salt && are_alike(weights, other)
            }
            _ => false,
        }
    }
}

/// Whether the chain is told the same of both, whatever the form.
fn are_alike(weights: &WeightSubmission, other: &WeightSubmission) -> bool {
    let told = (&weights.uids, &weights.values, weights.version_key);
    told == (&other.uids, &other.values, other.version_key)
}

impl NodeChain {
    /// Checks at the newest block what the chain would check, and makes the call.
    pub(super) async fn prepare(&self, signer: &Hotkey, asked: &Asked) -> Result<(WeightsForm, Payload), ChainError> {
        let state = self.newest().await?;
        match asked {
            Asked::Commitment(netuid, data) => {
                state.check_subnet(*netuid).await?;
                if !state.is_registered(*netuid, signer).await? {
                    return Err(ChainError::NotRegistered { hotkey: *signer, netuid: *netuid });
                }
                check_commitment(data)?;
                Ok((WeightsForm::Plain, signing::set_commitment(*netuid, data)))
            }
            Asked::Weights(netuid, weights) => match state.check_weights(*netuid, *signer, weights).await? {
                false => Ok((WeightsForm::Plain, signing::set_weights(*netuid, weights))),
                true => state.committed_weights(*netuid, signer, weights).await,
            },
            Asked::Reveal(netuid, weights) => {
                state.check_reveal(*netuid, signer, weights).await?;
                Ok((WeightsForm::Plain, signing::reveal_weights(*netuid, weights)))
            }
        }
    }
}
