//! The whole state of the development chain at a block.

use std::time::Duration;

use super::super::{ChainError, Hyperparameters, Neuron, RawCommitment};
use super::commits::{self, Pending};
use super::{Shared, clock, reads};
use crate::beacon::dev_block_hash;
use crate::domain::{BlockHash, BlockNumber, Hotkey, Netuid, Uid};

/// Hash of a block; that of block 0 is the genesis hash.
pub(super) fn hash_of(genesis: &BlockHash, number: BlockNumber) -> BlockHash {
    if number.0 == 0 { *genesis } else { dev_block_hash(genesis, number) }
}

/// Everything that stands in a subnet at a block.
pub(super) struct SubnetView {
    pub(super) netuid: Netuid,
    pub(super) rules: Hyperparameters,
    pub(super) owner: Option<Hotkey>,
    pub(super) neurons: Vec<Neuron>,
    pub(super) commitments: Vec<RawCommitment>,
    /// Hashes of weights that wait to be revealed.
    pub(super) commits: Vec<Pending>,
    /// Weights of the neurons that set some.
    pub(super) weights: Vec<(Uid, Vec<(Uid, u16)>)>,
}

impl Shared {
    /// The newest block and the newest final one.
    pub(super) fn heads(&self) -> Result<(BlockNumber, BlockNumber), ChainError> {
        self.read(|transaction| Ok((clock::head(transaction)?, clock::finalized(transaction)?)))
    }

    /// Time from block to block; zero where blocks come by hand.
    pub(super) fn block_time(&self) -> Result<Duration, ChainError> {
        self.read(clock::block_time)
    }

    /// Every subnet at that block.
    pub(super) fn view(&self, at: BlockNumber) -> Result<Vec<SubnetView>, ChainError> {
        self.read(|transaction| {
            let subnet = |netuid| {
                let neurons = reads::neurons(transaction, netuid, at)?;
                let mut weights = Vec::new();
                for neuron in neurons.iter().filter(|neuron| neuron.last_update.is_some()) {
                    weights.push((neuron.uid, reads::weights(transaction, netuid, neuron.uid, at)?));
                }
                let commitments = reads::commitments(transaction, netuid, at)?;
                let rules = reads::rules(transaction, netuid)?;
                let owner = reads::owner(transaction, netuid, at)?;
                let commits = commits::pending(transaction, netuid, at)?;
                Ok(SubnetView { netuid, rules, owner, neurons, commitments, commits, weights })
            };
            reads::netuids(transaction)?.into_iter().map(subnet).collect()
        })
    }
}
