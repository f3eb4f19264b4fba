//! The development chain's state as a node keeps it: storage keys and values, as the runtime writes them.

use std::collections::{BTreeMap, BTreeSet};

use subxt::dynamic::Value;
use subxt::ext::codec::{Compact, Encode};
use subxt::ext::scale_value::{Composite, ValueDef};

use super::super::super::node::commitment::{opaque, plain};
use super::super::super::node::names::*;
use super::super::super::node::reads::{account, number};
use super::super::super::node::runtime::Runtime;
use super::super::super::{ChainError, CommitmentData, Neuron};
use super::super::commits::{Pending, REVEAL_PERIOD_EPOCHS, epoch, epoch_blocks};
use super::super::view::SubnetView;
use crate::domain::{BlockNumber, Hotkey};

/// More bytes than an empty subnet state has.
const SUBNET_STATE_BYTES: usize = 256;

/// Keys and values in the order of the keys.
pub(super) type Storage = BTreeMap<Vec<u8>, Vec<u8>>;

struct Writer<'a> {
    runtime: &'a Runtime,
    storage: Storage,
}

impl Writer<'_> {
    fn put(&mut self, item: Item, keys: Vec<Value>, value: Value) -> Result<(), ChainError> {
        self.storage.insert(self.runtime.key(item, keys)?, self.runtime.encode(item, &value)?);
        Ok(())
    }

    fn put_subnet(&mut self, subnet: &SubnetView, at: BlockNumber) -> Result<(), ChainError> {
        let SubnetView { netuid, rules, owner, neurons, commitments, commits, weights } = subnet;
        let key = || vec![number(netuid.0)];
        self.put(NETWORKS_ADDED, key(), Value::bool(true))?;
        if let Some(owner) = owner {
            self.put(SUBNET_OWNER_HOTKEY, key(), account(owner))?;
        }
        self.put(SUBNETWORK_N, key(), number(neurons.len() as u16))?;
        self.put(TEMPO, key(), number(rules.tempo))?;
        let since = at.0 % epoch_blocks(rules);
        self.put(BLOCKS_SINCE_LAST_STEP, key(), number(since))?;
        if self.runtime.has(LAST_EPOCH_BLOCK) && self.runtime.has(SUBNET_EPOCH_INDEX) {
            self.put(LAST_EPOCH_BLOCK, key(), number(at.0 - since))?;
            self.put(SUBNET_EPOCH_INDEX, key(), number(epoch(rules, at)))?;
        }
        self.put(WEIGHTS_SET_RATE_LIMIT, key(), number(rules.weights_set_rate_limit_blocks))?;
        self.put(MIN_ALLOWED_WEIGHTS, key(), number(rules.min_allowed_weights))?;
        self.put(MAX_WEIGHTS_LIMIT, key(), number(rules.max_weights_limit))?;
        self.put(WEIGHTS_VERSION_KEY, key(), number(rules.weights_version_key))?;
        self.put(STAKE_THRESHOLD, vec![], number(rules.stake_threshold_rao))?;
        self.put(COMMIT_REVEAL_ENABLED, key(), Value::bool(rules.commit_reveal_weights_enabled))?;
        if self.runtime.has(ACTIVITY_CUTOFF_FACTOR) {
            let factor = (rules.activity_cutoff_blocks * 1_000).div_ceil(u64::from(rules.tempo).max(1));
            self.put(ACTIVITY_CUTOFF_FACTOR, key(), number(factor.min(u32::MAX.into())))?;
        }
        if self.runtime.has(ACTIVITY_CUTOFF) {
            self.put(ACTIVITY_CUTOFF, key(), number(rules.activity_cutoff_blocks.min(u16::MAX.into())))?;
        }
        self.put(
            VALIDATOR_PERMIT,
            key(),
            by_uid(neurons, Value::bool(false), |one| Value::bool(one.validator_permit)),
        )?;
        let update = |one: &Neuron| number(one.last_update.unwrap_or(one.registered_at).0);
        self.put(LAST_UPDATE, key(), by_uid(neurons, number(0u8), update))?;
        for neuron in neurons {
            let uid = || vec![number(netuid.0), number(neuron.uid.0)];
            self.put(KEYS, uid(), account(&neuron.hotkey))?;
            self.put(UIDS, vec![number(netuid.0), account(&neuron.hotkey)], number(neuron.uid.0))?;
            self.put(BLOCK_AT_REGISTRATION, uid(), number(neuron.registered_at.0))?;
            if let Some(coldkey) = &neuron.coldkey {
                self.put(OWNER, vec![account(&neuron.hotkey)], account(coldkey))?;
            }
        }
        for (uid, weights) in weights {
            let pair = |(uid, value): &(_, u16)| {
                let uid: &crate::domain::Uid = uid;
                Value::unnamed_composite([number(uid.0), number(*value)])
            };
            let list = Value::unnamed_composite(weights.iter().map(pair));
            self.put(WEIGHTS, vec![number(netuid.0), number(uid.0)], list)?;
        }
        self.put(REVEAL_PERIOD, key(), number(REVEAL_PERIOD_EPOCHS))?;
        let hotkeys: BTreeSet<Hotkey> = commits.iter().map(|one| one.hotkey).collect();
        for hotkey in hotkeys.iter().filter(|_| self.runtime.has(WEIGHT_COMMITS)) {
            let numbers = |one: &Pending| [one.epoch, one.block.0, 0].map(number);
            let waiting =
                |one: &Pending| Value::unnamed_composite([Value::from_bytes(one.hash)].into_iter().chain(numbers(one)));
            let own = commits.iter().filter(|one| one.hotkey == *hotkey).map(waiting);
            self.put(WEIGHT_COMMITS, vec![number(netuid.0), account(hotkey)], Value::unnamed_composite(own))?;
        }
        for commitment in commitments {
            let info = match &commitment.data {
                CommitmentData::Bytes(data) => plain(data),
                CommitmentData::Opaque(fields) => opaque(fields),
            };
            let slot = Value::named_composite([
                ("deposit", number(0u8)),
                ("block", number(commitment.block.0)),
                ("info", info),
            ]);
            self.put(COMMITMENT_OF, vec![number(netuid.0), account(&commitment.hotkey)], slot)?;
        }
        Ok(())
    }
}

/// A list with one value for each uid up to the highest.
fn by_uid(neurons: &[Neuron], absent: Value, value: impl Fn(&Neuron) -> Value) -> Value {
    let length = neurons.iter().map(|neuron| usize::from(neuron.uid.0) + 1).max().unwrap_or(0);
    let mut values = vec![absent; length];
    for neuron in neurons {
        values[usize::from(neuron.uid.0)] = value(neuron);
    }
    Value::unnamed_composite(values)
}

/// The storage at block `at`, which is read at `time_ms` since 1970.
pub(super) fn storage(
    runtime: &Runtime,
    subnets: &[SubnetView],
    at: BlockNumber,
    commit_version: u16,
    events: Value,
    time_ms: u64,
) -> Result<Storage, ChainError> {
    let mut writer = Writer { runtime, storage: Storage::new() };
    if runtime.has(COMMIT_REVEAL_VERSION) {
        writer.put(COMMIT_REVEAL_VERSION, vec![], number(commit_version))?;
    }
    for subnet in subnets {
        writer.put_subnet(subnet, at)?;
    }
    writer.put(EVENTS, vec![], events)?;
    if runtime.has(TIMESTAMP_NOW) {
        writer.put(TIMESTAMP_NOW, vec![], number(time_ms))?;
    }
    Ok(writer.storage)
}

/// The answer of the runtime call `get_subnet_state`. Of all its lists only stakes and incentives are filled in; the others
/// are empty, which is what zeros decode to.
pub(super) fn subnet_state(runtime: &Runtime, subnet: Option<&SubnetView>) -> Result<Vec<u8>, ChainError> {
    let Some(subnet) = subnet else { return Ok(None::<()>.encode()) };
    let zeros = [&[1][..], &[0; SUBNET_STATE_BYTES]].concat();
    let (mut state, _): (Value, _) = runtime.decode_beginning(SUBNET_STATE, &zeros)?;
    let stakes = by_uid(&subnet.neurons, number(0u8), |neuron| number(neuron.stake_rao));
    let incentives = by_uid(&subnet.neurons, number(0u8), |neuron| number(neuron.incentive));
    if let ValueDef::Variant(some) = &mut state.value
        && let Composite::Unnamed(fields) = &mut some.values
        && let Some(Value { value: ValueDef::Composite(Composite::Named(fields)), .. }) = fields.first_mut()
    {
        for (name, value) in fields {
            match name.as_str() {
                "netuid" => *value = number(subnet.netuid.0),
                "total_stake" => *value = stakes.clone(),
                "incentives" => *value = incentives.clone(),
                _ => {}
            }
        }
    }
    runtime.encode_output(SUBNET_STATE, &state)
}

/// A byte string as the runtime calls about metadata return it.
pub(super) fn some_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut answer = vec![1];
    Compact(bytes.len() as u32).encode_to(&mut answer);
    answer.extend_from_slice(bytes);
    answer
}
