//! What is written goes into the next block, as on any chain.

use rusqlite::{Transaction, params};

use super::super::{ChainError, Hyperparameters, OpaqueField, WeightSubmission, check_commitment, checks};
use super::{Registration, clock, commits, file_error, reads};
use crate::domain::{BlockNumber, Hotkey, Netuid, Uid};

/// Uids of a subnet, subtensor's default.
const MAX_UIDS: u16 = 256;
/// Bytes that a hotkey may commit in an epoch, and the least that one commitment counts: subtensor's numbers.
const SPACE_PER_EPOCH: u64 = 3_100;
const LEAST_COUNTED_BYTES: u64 = 100;

pub(super) fn next_block(transaction: &Transaction) -> Result<BlockNumber, ChainError> {
    Ok(BlockNumber(clock::head(transaction)?.0 + 1))
}

pub(super) fn register(
    transaction: &Transaction,
    netuid: Netuid,
    registration: &Registration,
) -> Result<Uid, ChainError> {
    let neurons = reads::neurons(transaction, netuid, next_block(transaction)?)?;
    if let Some(known) = neurons.iter().find(|neuron| neuron.hotkey == registration.hotkey) {
        return Ok(known.uid);
    }
    let uid = (0..MAX_UIDS)
        .map(Uid)
        .find(|uid| neurons.iter().all(|neuron| neuron.uid != *uid))
        .ok_or(ChainError::SubnetFull(netuid))?;
    put_neuron(transaction, netuid, uid, registration)?;
    Ok(uid)
}

pub(super) fn put_neuron(
    transaction: &Transaction,
    netuid: Netuid,
    uid: Uid,
    registration: &Registration,
) -> Result<(), ChainError> {
    let block = next_block(transaction)?;
    let default_rules = serde_json::to_string(&Hyperparameters::default()).expect("rules are plain data");
    transaction
        .execute("INSERT OR IGNORE INTO subnet (netuid, rules) VALUES (?1, ?2)", params![netuid.0, default_rules])
        .map_err(file_error)?;
    let sql = "INSERT OR REPLACE INTO neuron (netuid, uid, block, hotkey, coldkey, stake_rao, validator_permit)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = params![
        netuid.0,
        uid.0,
        block.0,
        registration.hotkey.0,
        registration.coldkey.map(|key| key.0),
        registration.stake_rao,
        registration.validator_permit,
    ];
    transaction.execute(sql, values).map(drop).map_err(file_error)
}

pub(super) fn put_rules(transaction: &Transaction, netuid: Netuid, rules: &Hyperparameters) -> Result<(), ChainError> {
    let rules = serde_json::to_string(rules).expect("rules are plain data");
    transaction
        .execute("INSERT OR REPLACE INTO subnet (netuid, rules) VALUES (?1, ?2)", params![netuid.0, rules])
        .map(drop)
        .map_err(file_error)
}

pub(super) fn commit(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    data: &[u8],
) -> Result<BlockNumber, ChainError> {
    let rules = reads::rules(transaction, netuid)?;
    let block = next_block(transaction)?;
    let neurons = reads::neurons(transaction, netuid, block)?;
    if !neurons.iter().any(|neuron| neuron.hotkey == signer) {
        return Err(ChainError::NotRegistered { hotkey: signer, netuid });
    }
    check_commitment(data)?;
    use_space(transaction, signer, netuid, data.len() as u64, block, &rules)?;
    let sql = "INSERT OR REPLACE INTO commitment (netuid, hotkey, block, data) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(sql, params![netuid.0, signer.0, block.0, data]).map_err(file_error)?;
    Ok(block)
}

/// Fills a slot with one field that is not plain bytes.
pub(super) fn put_opaque(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    field: &OpaqueField,
) -> Result<(), ChainError> {
    reads::rules(transaction, netuid)?;
    let block = next_block(transaction)?;
    let sql = "INSERT OR REPLACE INTO commitment (netuid, hotkey, block, data, kind) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![netuid.0, signer.0, block.0, field.bytes, field.kind];
    transaction.execute(sql, values).map(drop).map_err(file_error)
}

fn use_space(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    bytes: u64,
    block: BlockNumber,
    rules: &Hyperparameters,
) -> Result<(), ChainError> {
    let epoch_blocks = commits::epoch_blocks(rules);
    let epoch_start = block.0 - block.0 % epoch_blocks;
    let used: u64 = transaction
        .query_row(
            "SELECT coalesce(sum(bytes), 0) FROM commitment_space WHERE netuid = ?1 AND hotkey = ?2 AND block >= ?3",
            params![netuid.0, signer.0, epoch_start],
            |row| row.get(0),
        )
        .map_err(file_error)?;
    let counted = bytes.max(LEAST_COUNTED_BYTES);
    if used + counted > SPACE_PER_EPOCH {
        return Err(ChainError::SpaceLimitExceeded { blocks_left: epoch_start + epoch_blocks - block.0 });
    }
    let sql = "INSERT INTO commitment_space (netuid, hotkey, block, bytes) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(sql, params![netuid.0, signer.0, block.0, counted]).map(drop).map_err(file_error)
}

/// What a client checks before it sends weights. The subnet's rules, if it may send them.
pub(super) fn check_weights(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    weights: &WeightSubmission,
) -> Result<Hyperparameters, ChainError> {
    let rules = reads::rules(transaction, netuid)?;
    let block = next_block(transaction)?;
    let neurons = reads::neurons(transaction, netuid, block)?;
    let owner = reads::owner(transaction, netuid, block)?;
    checks::check_weights(netuid, &signer, weights, &neurons, &rules, owner, block)?;
    Ok(rules)
}

pub(super) fn set_weights(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    weights: &WeightSubmission,
) -> Result<BlockNumber, ChainError> {
    let rules = reads::rules(transaction, netuid)?;
    let block = next_block(transaction)?;
    let neurons = reads::neurons(transaction, netuid, block)?;
    let owner = reads::owner(transaction, netuid, block)?;
    checks::check_call(netuid, &signer, weights, &neurons, &rules, owner, block)?;
    put_weights(transaction, signer, netuid, weights, block, None)?;
    Ok(block)
}

/// Lets weights stand from a block on. `committed` is the block that brought them, where they were committed first.
pub(super) fn put_weights(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    weights: &WeightSubmission,
    block: BlockNumber,
    committed: Option<BlockNumber>,
) -> Result<(), ChainError> {
    let list = |values: &dyn Fn() -> serde_json::Result<String>| values().expect("whole numbers are plain data");
    let uids = list(&|| serde_json::to_string(&weights.uids));
    let values = list(&|| serde_json::to_string(&weights.values));
    let sql = "INSERT OR REPLACE INTO weights (netuid, hotkey, block, uids, vals, committed)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let committed = committed.map(|block| block.0);
    let row = params![netuid.0, signer.0, block.0, uids, values, committed];
    transaction.execute(sql, row).map(drop).map_err(file_error)
}

/// Whether a block still has what the signer wrote in it: a fork may have dropped it.
pub(super) fn stands(
    transaction: &Transaction,
    signer: Hotkey,
    netuid: Netuid,
    block: BlockNumber,
) -> Result<bool, ChainError> {
    let sql = "SELECT EXISTS (
                   SELECT 1 FROM commitment WHERE netuid = ?1 AND hotkey = ?2 AND block = ?3
                   UNION ALL SELECT 1 FROM weights
                       WHERE netuid = ?1 AND hotkey = ?2 AND coalesce(committed, block) = ?3
                   UNION ALL SELECT 1 FROM weights_commit WHERE netuid = ?1 AND hotkey = ?2 AND block = ?3)";
    transaction.query_row(sql, params![netuid.0, signer.0, block.0], |row| row.get(0)).map_err(file_error)
}

/// Forgets all that stands in blocks that are not final.
pub(super) fn drop_unfinalized(transaction: &Transaction) -> Result<(), ChainError> {
    let finalized = clock::finalized(transaction)?;
    for table in ["neuron", "commitment", "commitment_space", "weights_commit"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE block > ?1"), [finalized.0]).map_err(file_error)?;
    }
    for sql in [
        "DELETE FROM weights WHERE coalesce(committed, block) > ?1",
        "UPDATE weights_commit SET revealed = NULL WHERE revealed > ?1",
    ] {
        transaction.execute(sql, [finalized.0]).map_err(file_error)?;
    }
    Ok(())
}
