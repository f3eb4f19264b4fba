//! Weights are sent again before the chain stops counting them.

use std::sync::Arc;

use super::{Round, Validator, ValidatorError};
use crate::chain::ChainError;
use crate::domain::{BlockNumber, CycleId};

impl Validator {
    /// Sends the weights of the cycle that was dealt with last once more when they have stood for long. A cycle that was not
    /// found true, or of which the server shows another manifest now, has none.
    pub(super) async fn refresh(&self, cycle: CycleId) -> Result<Round, ValidatorError> {
        if self.options.dry_run || !self.own_weights_are_old().await? {
            return Ok(Round::NothingNew);
        }
        let signed = Arc::new(self.published.manifest(cycle).await?);
        let known = self.memory().verdict(&signed.digest).filter(|_| signed.verify().is_ok());
        match known {
            Some(verdict) => match self.set_weights(&signed, verdict).await? {
                Round::NothingToPay { .. } => Ok(Round::NothingNew),
                round => Ok(round),
            },
            None => Ok(Round::NothingNew),
        }
    }

    async fn own_weights_are_old(&self) -> Result<bool, ChainError> {
        let head = self.chain.finalized_head().await?;
        let neurons = self.chain.neurons_at(self.options.netuid, &head).await?;
        let own = neurons.iter().find(|neuron| neuron.hotkey == self.key.hotkey());
        let set_in = own.and_then(|own| own.last_update);
        Ok(set_in.is_some_and(|block| is_old(block, head.number, self.options.refresh_after_blocks)))
    }
}

/// Whether weights of block `set_in` have stood for `limit` blocks at the finalized block `head`.
pub(super) fn is_old(set_in: BlockNumber, head: BlockNumber, limit: u64) -> bool {
    head.0.saturating_sub(set_in.0) >= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_old_from_the_limit_on_and_never_before_their_block_is_final() {
        let is_old = |set_in, head| is_old(BlockNumber(set_in), BlockNumber(head), 100);
        assert!(!is_old(50, 149) && is_old(50, 150) && is_old(50, 900));
        assert!(!is_old(50, 50) && !is_old(50, 48));
    }
}
