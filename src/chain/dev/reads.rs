//! State of the development chain at a block.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::super::{ChainError, CommitmentData, Hyperparameters, Neuron, OpaqueField, RawCommitment};
use super::file_error;
use crate::domain::{BlockNumber, Hotkey, Netuid, Uid};

/// The newest row of each neuron's history up to a block, with the block in which its hotkey last set or committed weights
/// since. The opening of committed weights does not count, as on a real chain.
const NEURONS: &str = "
    SELECT n.uid, n.hotkey, n.coldkey, n.stake_rao, n.validator_permit, n.block,
           nullif(max(
               coalesce((SELECT max(w.block) FROM weights w
                         WHERE w.netuid = n.netuid AND w.hotkey = n.hotkey AND w.committed IS NULL
                           AND w.block BETWEEN n.block AND ?2), 0),
               coalesce((SELECT max(c.block) FROM weights_commit c
                         WHERE c.netuid = n.netuid AND c.hotkey = n.hotkey AND c.block BETWEEN n.block AND ?2), 0)), 0)
    FROM neuron n
    WHERE n.netuid = ?1
      AND n.block = (SELECT max(m.block) FROM neuron m WHERE m.netuid = n.netuid AND m.uid = n.uid AND m.block <= ?2)
    ORDER BY n.uid";

const COMMITMENTS: &str = "
    SELECT c.hotkey, c.block, c.data, c.kind FROM commitment c
    WHERE c.netuid = ?1
      AND c.block = (SELECT max(d.block) FROM commitment d
                     WHERE d.netuid = c.netuid AND d.hotkey = c.hotkey AND d.block <= ?2)
    ORDER BY c.hotkey";

const WEIGHTS: &str = "
    SELECT uids, vals FROM weights
    WHERE netuid = ?1 AND hotkey = ?2 AND block BETWEEN ?3 AND ?4 ORDER BY block DESC LIMIT 1";

/// Every neuron, with its incentive: what each validator's weights give it, by the validators' stake. A real chain's
/// incentive also drops what too little stake agrees on; the order of who is paid most is the same where validators agree.
pub(super) fn neurons(transaction: &Transaction, netuid: Netuid, at: BlockNumber) -> Result<Vec<Neuron>, ChainError> {
    let mut neurons = registered(transaction, netuid, at)?;
    let mut ranks: BTreeMap<Uid, f64> = BTreeMap::new();
    for validator in neurons.iter().filter(|neuron| neuron.validator_permit && neuron.last_update.is_some()) {
        let weights = weights_of(transaction, netuid, validator, at)?;
        let total: f64 = weights.iter().map(|(_, value)| f64::from(*value)).sum();
        for (uid, value) in weights.into_iter().filter(|(_, value)| *value > 0) {
            *ranks.entry(uid).or_default() += validator.stake_rao as f64 * f64::from(value) / total;
        }
    }
    let total: f64 = ranks.values().sum();
    for neuron in neurons.iter_mut().filter(|_| total > 0.0) {
        let share = ranks.get(&neuron.uid).map_or(0.0, |rank| rank / total);
        neuron.incentive = (share * f64::from(u16::MAX)) as u16;
    }
    Ok(neurons)
}

fn registered(transaction: &Transaction, netuid: Netuid, at: BlockNumber) -> Result<Vec<Neuron>, ChainError> {
    let neuron = |row: &Row| {
        Ok(Neuron {
            uid: Uid(row.get(0)?),
            hotkey: Hotkey(row.get(1)?),
            coldkey: row.get::<_, Option<[u8; 32]>>(2)?.map(Hotkey),
            stake_rao: row.get(3)?,
            validator_permit: row.get(4)?,
            registered_at: BlockNumber(row.get(5)?),
            last_update: row.get::<_, Option<u64>>(6)?.map(BlockNumber),
            incentive: 0,
        })
    };
    rows(transaction, NEURONS, netuid, at, neuron)
}

pub(super) fn commitments(
    transaction: &Transaction,
    netuid: Netuid,
    at: BlockNumber,
) -> Result<Vec<RawCommitment>, ChainError> {
    let commitment = |row: &Row| {
        let bytes = row.get(2)?;
        let data = match row.get(3)? {
            None => CommitmentData::Bytes(bytes),
            Some(kind) => CommitmentData::Opaque(vec![OpaqueField { kind, bytes }]),
        };
        Ok(RawCommitment { hotkey: Hotkey(row.get(0)?), block: BlockNumber(row.get(1)?), data })
    };
    rows(transaction, COMMITMENTS, netuid, at, commitment)
}

fn rows<T>(
    transaction: &Transaction,
    sql: &str,
    netuid: Netuid,
    at: BlockNumber,
    read: impl Fn(&Row) -> rusqlite::Result<T>,
) -> Result<Vec<T>, ChainError> {
    let mut statement = transaction.prepare_cached(sql).map_err(file_error)?;
    let rows = statement.query_map(params![netuid.0, at.0], |row| read(row)).map_err(file_error)?;
    rows.collect::<rusqlite::Result<_>>().map_err(file_error)
}

/// Who owns the subnet: the first that was registered in it, as on a real chain, where the owner takes the first uid.
pub(super) fn owner(transaction: &Transaction, netuid: Netuid, at: BlockNumber) -> Result<Option<Hotkey>, ChainError> {
    let sql = "SELECT hotkey FROM neuron WHERE netuid = ?1 AND block <= ?2 ORDER BY block, uid LIMIT 1";
    let values = params![netuid.0, at.0];
    transaction.query_row(sql, values, |row| row.get(0).map(Hotkey)).optional().map_err(file_error)
}

/// Every subnet.
pub(super) fn netuids(transaction: &Transaction) -> Result<Vec<Netuid>, ChainError> {
    let mut statement = transaction.prepare_cached("SELECT netuid FROM subnet ORDER BY netuid").map_err(file_error)?;
    let rows = statement.query_map([], |row| row.get(0).map(Netuid)).map_err(file_error)?;
    rows.collect::<rusqlite::Result<_>>().map_err(file_error)
}

/// The subnet's rules; a subnet exists once something is registered in it or its rules are set.
pub(super) fn rules(transaction: &Transaction, netuid: Netuid) -> Result<Hyperparameters, ChainError> {
    let json: Option<String> = transaction
        .query_row("SELECT rules FROM subnet WHERE netuid = ?1", [netuid.0], |row| row.get(0))
        .optional()
        .map_err(file_error)?;
    let json = json.ok_or(ChainError::UnknownSubnet(netuid))?;
    serde_json::from_str(&json)
        .map_err(|error| ChainError::File(format!("its rules of subnet {netuid} are no rules ({error})")))
}

/// The weights that the holder of `uid` set since it took the uid.
pub(super) fn weights(
    transaction: &Transaction,
    netuid: Netuid,
    uid: Uid,
    at: BlockNumber,
) -> Result<Vec<(Uid, u16)>, ChainError> {
    match registered(transaction, netuid, at)?.into_iter().find(|neuron| neuron.uid == uid) {
        Some(holder) => weights_of(transaction, netuid, &holder, at),
        None => Ok(Vec::new()),
    }
}

fn weights_of(
    transaction: &Transaction,
    netuid: Netuid,
    holder: &Neuron,
    at: BlockNumber,
) -> Result<Vec<(Uid, u16)>, ChainError> {
    let values = params![netuid.0, holder.hotkey.0, holder.registered_at.0, at.0];
    let row: Option<(String, String)> =
        transaction.query_row(WEIGHTS, values, |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(file_error)?;
    let Some((uids, values)) = row else { return Ok(Vec::new()) };
    let broken = |error: serde_json::Error| {
        ChainError::File(format!("its weights of uid {} are no lists ({error})", holder.uid))
    };
    let uids: Vec<Uid> = serde_json::from_str(&uids).map_err(broken)?;
    let values: Vec<u16> = serde_json::from_str(&values).map_err(broken)?;
    Ok(uids.into_iter().zip(values).collect())
}
