//! Weights of which the chain is told a hash first, and which their signer reveals later.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use subxt::config::substrate::H256;
use subxt::ext::codec::Encode;

use super::super::{ChainError, Hyperparameters, WeightSubmission, check_weights};
use super::names::WEIGHT_COMMITS;
use super::reads::{account, number};
use super::schedule::Epochs;
use super::signing::{self, Payload};
use super::state::State;
use crate::domain::{BlockNumber, Hotkey, Netuid};

/// Commits of one hotkey that the chain lets wait.
const MAX_PENDING: usize = 10;

/// What is committed: BLAKE2b-256 of the SCALE encoding of signer, subnet, uids, values, salt and version key.
pub(in crate::chain) fn weights_hash(signer: &Hotkey, netuid: Netuid, weights: &WeightSubmission) -> [u8; 32] {
    let uids: Vec<u16> = weights.uids.iter().map(|uid| uid.0).collect();
    let salt = weights.salt.to_vec();
    let encoded = (signer.0, netuid.0, uids, &weights.values, salt, weights.version_key).encode();
    Blake2b::<U32>::digest(encoded).into()
}

/// Where a hash stands in the chain's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    Later,
    Now,
    Past,
}

/// A hash that waits: itself, when it was committed, and two numbers that say nothing any more.
type Pending = (H256, u64, u64, u64);

impl State {
    /// The call that commits the hash of these weights.
    pub(super) async fn hashed_weights(
        &self,
        netuid: Netuid,
        signer: &Hotkey,
        weights: &WeightSubmission,
    ) -> Result<Payload, ChainError> {
        let waiting = self.pending(netuid, signer).await?;
        if waiting.iter().filter(|(_, due)| *due != Due::Past).count() >= MAX_PENDING {
            return Err(ChainError::TooManyUnrevealedCommits);
        }
        Ok(signing::commit_hash(netuid, &weights_hash(signer, netuid, weights)))
    }

    /// Checks that the chain would take these weights as the opening of a hash, in the next block.
    pub(super) async fn check_reveal(
        &self,
        netuid: Netuid,
        signer: &Hotkey,
        weights: &WeightSubmission,
    ) -> Result<(), ChainError> {
        self.check_subnet(netuid).await?;
        let hash = H256(weights_hash(signer, netuid, weights));
        let pending = self.pending(netuid, signer).await?;
        // The same weights may have been committed twice; the older commit may be past.
        let found: Vec<Due> = pending.iter().filter(|(other, _)| *other == hash).map(|(_, due)| *due).collect();
        if !found.contains(&Due::Now) {
            let waits = found.contains(&Due::Later);
            return Err(if waits { ChainError::NotInRevealRange } else { ChainError::CommitNotFound });
        }
        let rules = self.rules(netuid).await?;
        if !rules.commit_reveal_weights_enabled {
            return Err(ChainError::CommitRevealDisabled(netuid));
        }
        // The pause was kept by the commit.
        let rules = Hyperparameters { weights_set_rate_limit_blocks: 0, ..rules };
        let next = BlockNumber(self.block.number.0 + 1);
        let (neurons, owner) = (self.neurons(netuid).await?, self.owner(netuid).await?);
        check_weights(netuid, signer, weights, &neurons, &rules, owner, next)
    }

    /// The signer's hashes that the chain keeps, and where each stands in the next block.
    async fn pending(&self, netuid: Netuid, signer: &Hotkey) -> Result<Vec<(H256, Due)>, ChainError> {
        if !self.runtime.has(WEIGHT_COMMITS) {
            return Ok(Vec::new());
        }
        let keys = vec![number(netuid.0), account(signer)];
        let kept: Vec<Pending> = self.value(WEIGHT_COMMITS, keys).await?.unwrap_or_default();
        let (epochs, period) = (self.epochs(netuid).await?, self.reveal_period(netuid).await?);
        let next = self.block.number.0 + 1;
        Ok(kept.into_iter().map(|(hash, committed, ..)| (hash, due(&epochs, committed, period, next))).collect())
    }
}

/// Where a hash stands in block `next`. Runtimes whose epochs have a counter keep the epoch of a commit, older ones its
/// block.
fn due(epochs: &Epochs, committed: u64, reveal_period_epochs: u64, next: u64) -> Due {
    let committed = match epochs {
        Epochs::Stateful { .. } => committed,
        Epochs::Fixed { .. } => epochs.epoch_of(committed),
    };
    match epochs.epoch_of(next).cmp(&committed.saturating_add(reveal_period_epochs)) {
        std::cmp::Ordering::Less => Due::Later,
        std::cmp::Ordering::Equal => Due::Now,
        std::cmp::Ordering::Greater => Due::Past,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Uid;

    #[test]
    fn the_hash_is_of_the_encoded_parts_in_the_chains_order() {
        let weights = WeightSubmission {
            uids: vec![Uid(0), Uid(258)],
            values: vec![65_535, 1],
            version_key: 3,
            holders: vec![],
            salt: [1, 2, 3, 4, 5, 6, 7, 772],
        };
        let encoded = [
            &[7; 32][..],
            &[26, 0],
            &[2 << 2, 0, 0, 2, 1],
            &[2 << 2, 255, 255, 1, 0],
            &[8 << 2, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 4, 3],
            &[3, 0, 0, 0, 0, 0, 0, 0],
        ];
        let hash = weights_hash(&Hotkey([7; 32]), Netuid(26), &weights);
        assert_eq!(hash[..], Blake2b::<U32>::digest(encoded.concat())[..]);
        assert_eq!(hex::encode(hash), "54c91f15d250874a5b9abe1b21e2e923a444de46a133551417dc0099f44a3e24");
        let salted = WeightSubmission { salt: [0; 8], ..weights };
        assert_ne!(weights_hash(&Hotkey([7; 32]), Netuid(26), &salted), hash);
    }

    #[test]
    fn a_hash_is_due_in_one_epoch_alone() {
        let stateful = Epochs::Stateful {
            tempo: 50,
            last_epoch_block: 100,
            pending_epoch_at: 0,
            index: 7,
            blocks_since_last_step: 0,
        };
        assert_eq!(due(&stateful, 7, 1, 149), Due::Later);
        assert_eq!(due(&stateful, 7, 1, 150), Due::Now, "the epoch begins in that block");
        assert_eq!(due(&stateful, 6, 1, 149), Due::Now);
        assert_eq!(due(&stateful, 6, 1, 150), Due::Past);
        assert_eq!(due(&stateful, 6, u64::MAX, 150), Due::Later);
        // Block b is of epoch (b + 2) / 100; the commit is kept by its block.
        let fixed = Epochs::Fixed { tempo: 99, netuid: 1 };
        assert_eq!(due(&fixed, 97, 1, 98), Due::Now);
        assert_eq!(due(&fixed, 98, 1, 197), Due::Later);
        assert_eq!(due(&fixed, 98, 1, 198), Due::Now);
        assert_eq!(due(&fixed, 98, 1, 298), Due::Past);
    }
}
