//! The node's own memory: hashes of blocks, transactions in them and how they ended, nonces.

use std::collections::BTreeMap;

use super::super::view::hash_of;
use crate::domain::{BlockHash, BlockNumber, Hotkey};

/// Numbers of blocks by their hash, up to some block.
#[derive(Default)]
pub(super) struct Numbers {
    by_hash: BTreeMap<BlockHash, BlockNumber>,
    next: u64,
}

impl Numbers {
    /// The number of the block with this hash, if there is such a block up to the newest.
    pub(super) fn find(&mut self, genesis: &BlockHash, hash: &BlockHash, newest: BlockNumber) -> Option<BlockNumber> {
        while self.next <= newest.0 {
            let number = BlockNumber(self.next);
            self.by_hash.insert(hash_of(genesis, number), number);
            self.next += 1;
        }
        self.by_hash.get(hash).copied().filter(|number| *number <= newest)
    }
}

/// A transaction in a block.
#[derive(Clone)]
pub(super) struct Included {
    pub(super) signer: Hotkey,
    pub(super) bytes: Vec<u8>,
    /// Pallet and name of the error in which it ended, if it did.
    pub(super) error: Option<(String, String)>,
}

/// Transactions by block.
#[derive(Default)]
pub(super) struct Ledger {
    blocks: BTreeMap<BlockNumber, Vec<Included>>,
    /// Nonces that transactions of others used up.
    taken: BTreeMap<Hotkey, u64>,
}

impl Ledger {
    /// What a block holds, in order.
    pub(super) fn block(&self, number: BlockNumber) -> &[Included] {
        self.blocks.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The nonce of the signer's next transaction, as it stands after a block.
    pub(super) fn nonce(&self, signer: &Hotkey, at: BlockNumber) -> u64 {
        let own =
            self.blocks.range(..=at).flat_map(|(_, held)| held).filter(|included| included.signer == *signer).count();
        own as u64 + self.taken.get(signer).unwrap_or(&0)
    }

    /// Whether a block holds a transaction.
    pub(super) fn holds(&self, number: BlockNumber, bytes: &[u8]) -> bool {
        self.block(number).iter().any(|included| included.bytes == bytes)
    }

    /// Lets a transaction of somebody with the same key come first.
    pub(super) fn take_nonce(&mut self, signer: Hotkey) {
        *self.taken.entry(signer).or_default() += 1;
    }

    pub(super) fn include(&mut self, block: BlockNumber, included: Included) {
        self.blocks.entry(block).or_default().push(included);
    }

    /// Forgets what a fork dropped.
    pub(super) fn drop_above(&mut self, finalized: BlockNumber) {
        self.blocks.retain(|number, _| *number <= finalized);
    }
}
