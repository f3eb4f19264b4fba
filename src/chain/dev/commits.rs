//! Weights that are committed first and stand later, as subtensor has it (`pallets/subtensor/src/subnets/weights.rs`).

use rusqlite::{Row, Transaction, params};

use super::super::node::hashed::weights_hash;
use super::super::{ChainError, Hyperparameters, WeightSubmission, checks};
use super::{file_error, reads, writes};
use crate::domain::{BlockNumber, Hotkey, Netuid};

/// Commits of one hotkey that may wait to be opened.
const MAX_PENDING: usize = 10;
/// Epochs from a commit to its opening: subtensor's default.
pub(super) const REVEAL_PERIOD_EPOCHS: u64 = 1;

/// Blocks of an epoch.
pub(super) fn epoch_blocks(rules: &Hyperparameters) -> u64 {
    u64::from(rules.tempo).max(1)
}

/// The epoch that a block is of.
pub(super) fn epoch(rules: &Hyperparameters, block: BlockNumber) -> u64 {
    block.0 / epoch_blocks(rules)
}

/// A hash that waits to be revealed.
pub(super) struct Pending {
    pub(super) hotkey: Hotkey,
    pub(super) hash: [u8; 32],
    pub(super) epoch: u64,
    pub(super) block: BlockNumber,
}

impl Pending {
    /// The one epoch in which it can be revealed.
    fn reveal_epoch(&self) -> u64 {
        self.epoch + REVEAL_PERIOD_EPOCHS
    }
}

/// Every hash that stands unrevealed at a block, in the order of their commits; also those that can no longer be revealed.
pub(super) fn pending(transaction: &Transaction, netuid: Netuid, at: BlockNumber) -> Result<Vec<Pending>, ChainError> {
    let sql = "SELECT hotkey, hash, epoch, block FROM weights_commit
               WHERE netuid = ?1 AND hash IS NOT NULL AND block <= ?2 AND (revealed IS NULL OR revealed > ?2)
               ORDER BY id";
    let read = |row: &Row| {
        Ok(Pending {
            hotkey: Hotkey(row.get(0)?),
            hash: row.get(1)?,
            epoch: row.get(2)?,
            block: BlockNumber(row.get(3)?),
        })
    };
    let mut statement = transaction.prepare_cached(sql).map_err(file_error)?;
    let rows = statement.query_map(params![netuid.0, at.0], |row| read(row)).map_err(file_error)?;
    rows.collect::<rusqlite::Result<_>>().map_err(file_error)
}

/// Takes a hash of weights into the next block.
pub(super) fn commit_hash(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    hash: [u8; 32],
) -> Result<BlockNumber, ChainError> {
    let (rules, block) = may_commit(transaction, signer, netuid)?;
    let now = epoch(&rules, block);
    let all = pending(transaction, netuid, block)?;
    let waiting = all.iter().filter(|one| one.hotkey == signer && one.reveal_epoch() >= now).count();
    put_commit(transaction, signer, netuid, Some(hash), now, block, waiting)?;
    Ok(block)
}

/// Takes locked weights into the next block. With `opened` they are opened in the first block of their epoch. A node that
/// takes them from others has no round's signature and cannot open them: then they only count.
pub(super) fn commit_locked(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    opened: Option<&WeightSubmission>,
) -> Result<BlockNumber, ChainError> {
    let (rules, block) = may_commit(transaction, signer, netuid)?;
    let now = epoch(&rules, block);
    let sql = "SELECT count(*) FROM weights_commit WHERE netuid = ?1 AND hotkey = ?2 AND hash IS NULL AND epoch = ?3";
    let waiting: i64 =
        transaction.query_row(sql, params![netuid.0, signer.0, now], |row| row.get(0)).map_err(file_error)?;
    put_commit(transaction, signer, netuid, None, now, block, usize::try_from(waiting).unwrap_or(usize::MAX))?;
    if let Some(weights) = opened {
        let opening = BlockNumber((now + REVEAL_PERIOD_EPOCHS) * epoch_blocks(&rules));
        writes::put_weights(transaction, signer, netuid, weights, opening, Some(block))?;
    }
    Ok(block)
}

/// Reveals weights whose hash was committed, in the next block.
pub(super) fn reveal(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    weights: &WeightSubmission,
) -> Result<BlockNumber, ChainError> {
    let rules = reads::rules(transaction, netuid)?;
    let block = writes::next_block(transaction)?;
    let now = epoch(&rules, block);
    let hash = weights_hash(&signer, netuid, weights);
    let own = pending(transaction, netuid, block)?.into_iter().filter(|one| one.hotkey == signer);
    let live: Vec<Pending> = own.filter(|one| one.reveal_epoch() >= now).collect();
    let found = live.iter().find(|one| one.hash == hash).ok_or(ChainError::CommitNotFound)?;
    if !rules.commit_reveal_weights_enabled {
        return Err(ChainError::CommitRevealDisabled(netuid));
    }
    if found.reveal_epoch() > now {
        return Err(ChainError::NotInRevealRange);
    }
    let neurons = reads::neurons(transaction, netuid, block)?;
    // The pause was kept by the commit.
    let rules = Hyperparameters { weights_set_rate_limit_blocks: 0, ..rules };
    let owner = reads::owner(transaction, netuid, block)?;
    checks::check_call(netuid, &signer, weights, &neurons, &rules, owner, block)?;
    let sql = "UPDATE weights_commit SET revealed = ?4
               WHERE netuid = ?1 AND hotkey = ?2 AND hash IS NOT NULL AND revealed IS NULL
                 AND id <= (SELECT min(id) FROM weights_commit
                            WHERE netuid = ?1 AND hotkey = ?2 AND hash = ?3 AND revealed IS NULL AND epoch = ?5)";
    let values = params![netuid.0, signer.0, hash, block.0, found.epoch];
    transaction.execute(sql, values).map_err(file_error)?;
    writes::put_weights(transaction, signer, netuid, weights, block, Some(block))?;
    Ok(block)
}

/// Whether the signer may commit, with the subnet's rules and the block of the commit.
fn may_commit(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
) -> Result<(Hyperparameters, BlockNumber), ChainError> {
    let rules = reads::rules(transaction, netuid)?;
    let block = writes::next_block(transaction)?;
    if !rules.commit_reveal_weights_enabled {
        return Err(ChainError::CommitRevealDisabled(netuid));
    }
    let neurons = reads::neurons(transaction, netuid, block)?;
    checks::check_committer(netuid, &signer, &neurons, &rules, block)?;
    Ok((rules, block))
}

fn put_commit(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    hash: Option<[u8; 32]>,
    epoch: u64,
    block: BlockNumber,
    waiting: usize,
) -> Result<(), ChainError> {
    if waiting >= MAX_PENDING {
        return Err(ChainError::TooManyUnrevealedCommits);
    }
    let sql = "INSERT INTO weights_commit (netuid, hotkey, block, epoch, hash) VALUES (?1, ?2, ?3, ?4, ?5)";
    transaction.execute(sql, params![netuid.0, signer.0, block.0, epoch, hash]).map(drop).map_err(file_error)
}
