//! Neurons, rules, weights and commitments of a subnet, each as the runtime at that block writes them.

use subxt::dynamic::Value;
use subxt::ext::scale_decode::{self, DecodeAsType};
use subxt::utils::AccountId32;

use super::super::types::DEFAULT_ACTIVITY_CUTOFF_BLOCKS;
use super::super::{ChainError, Hyperparameters, Neuron, RawCommitment};
use super::commitment::{Registration, content};
use super::names::*;
use super::runtime::unreadable;
use super::schedule::Epochs;
use super::state::State;
use crate::domain::{BlockNumber, Hotkey, Netuid, Uid};

/// Most bytes of one commitment slot: eight times those of the fullest one that the chain takes.
const MAX_SLOT_BYTES: usize = 16_384;

/// A number as a key or an argument.
pub(in crate::chain) fn number(value: impl Into<u128>) -> Value {
    Value::u128(value.into())
}

/// An account as a key or an argument.
pub(in crate::chain) fn account(key: &Hotkey) -> Value {
    Value::from_bytes(key.0)
}

/// What the runtime says of a subnet, in part.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
struct SubnetState {
    total_stake: Vec<u64>,
    incentives: Vec<u16>,
}

impl State {
    /// Refuses a subnet that is not there.
    pub(super) async fn check_subnet(&self, netuid: Netuid) -> Result<(), ChainError> {
        match self.value(NETWORKS_ADDED, vec![number(netuid.0)]).await? {
            Some(true) => Ok(()),
            _ => Err(ChainError::UnknownSubnet(netuid)),
        }
    }

    pub(super) async fn is_registered(&self, netuid: Netuid, hotkey: &Hotkey) -> Result<bool, ChainError> {
        let uid: Option<u16> = self.value(UIDS, vec![number(netuid.0), account(hotkey)]).await?;
        Ok(uid.is_some())
    }

    pub(super) async fn neurons(&self, netuid: Netuid) -> Result<Vec<Neuron>, ChainError> {
        let subnet = || vec![number(netuid.0)];
        let mut hotkeys: Vec<([u8; 2], AccountId32)> = self.below(KEYS, subnet()).await?;
        let count: u16 = self.needed(SUBNETWORK_N, subnet()).await?;
        if hotkeys.len() != usize::from(count) {
            let listed = hotkeys.len();
            return Err(unreadable(format!("subnet {netuid} has {count} neurons and {listed} of them are listed")));
        }
        hotkeys.sort_by_key(|(uid, _)| u16::from_le_bytes(*uid));
        let registration_key = |(uid, _): &([u8; 2], AccountId32)| {
            self.runtime.key(BLOCK_AT_REGISTRATION, vec![number(netuid.0), number(u16::from_le_bytes(*uid))])
        };
        let registration_keys = hotkeys.iter().map(registration_key).collect::<Result<Vec<_>, _>>()?;
        let registrations: Vec<Option<u64>> = self.values(BLOCK_AT_REGISTRATION, &registration_keys).await?;
        let permits: Vec<bool> = self.value(VALIDATOR_PERMIT, subnet()).await?.unwrap_or_default();
        let updates: Vec<u64> = self.value(LAST_UPDATE, subnet()).await?.unwrap_or_default();
        let state: Option<SubnetState> = self.call(SUBNET_STATE, subnet()).await?;
        let (stakes, incentives) = state.map(|state| (state.total_stake, state.incentives)).unwrap_or_default();
        let lists = [
            ("permits", permits.len()),
            ("updates", updates.len()),
            ("stakes", stakes.len()),
            ("incentives", incentives.len()),
        ];
        for (list, length) in lists {
            if length != usize::from(count) {
                return Err(unreadable(format!("subnet {netuid} has {count} neurons and {length} {list}")));
            }
        }
        let owner_key =
            |(_, hotkey): &([u8; 2], AccountId32)| self.runtime.key(OWNER, vec![Value::from_bytes(hotkey.0)]);
        let owner_keys = hotkeys.iter().map(owner_key).collect::<Result<Vec<_>, _>>()?;
        let owners: Vec<Option<AccountId32>> = self.values(OWNER, &owner_keys).await?;

        let neurons = hotkeys.into_iter().zip(owners).zip(registrations).map(|(((uid, hotkey), owner), registered)| {
            let uid = u16::from_le_bytes(uid);
            let place = usize::from(uid);
            let registered_at = BlockNumber(registered.unwrap_or(0));
            // Taking a uid counts as an update; only a later one says that weights were set.
            let last_update = updates.get(place).copied().filter(|block| *block > registered_at.0).map(BlockNumber);
            Neuron {
                uid: Uid(uid),
                hotkey: Hotkey(hotkey.0),
                coldkey: owner.map(|owner| Hotkey(owner.0)),
                stake_rao: stakes.get(place).copied().unwrap_or(0),
                validator_permit: permits.get(place).copied().unwrap_or(false),
                registered_at,
                last_update,
                incentive: incentives.get(place).copied().unwrap_or(0),
            }
        });
        Ok(neurons.collect())
    }

    pub(super) async fn rules(&self, netuid: Netuid) -> Result<Hyperparameters, ChainError> {
        let subnet = || vec![number(netuid.0)];
        let tempo = self.needed(TEMPO, subnet()).await?;
        Ok(Hyperparameters {
            tempo,
            weights_set_rate_limit_blocks: self.needed(WEIGHTS_SET_RATE_LIMIT, subnet()).await?,
            min_allowed_weights: self.needed(MIN_ALLOWED_WEIGHTS, subnet()).await?,
            max_weights_limit: self.needed(MAX_WEIGHTS_LIMIT, subnet()).await?,
            weights_version_key: self.needed(WEIGHTS_VERSION_KEY, subnet()).await?,
            stake_threshold_rao: self.needed(STAKE_THRESHOLD, vec![]).await?,
            commit_reveal_weights_enabled: self.needed(COMMIT_REVEAL_ENABLED, subnet()).await?,
            activity_cutoff_blocks: self.activity_cutoff(netuid, tempo).await?,
        })
    }

    /// The hotkey of the subnet's owner; a runtime writes zeros where there is none.
    pub(super) async fn owner(&self, netuid: Netuid) -> Result<Option<Hotkey>, ChainError> {
        let owner: Option<AccountId32> = self.value(SUBNET_OWNER_HOTKEY, vec![number(netuid.0)]).await?;
        Ok(owner.filter(|owner| owner.0 != [0; 32]).map(|owner| Hotkey(owner.0)))
    }

    /// Blocks after which weights stop counting: a share of the tempo, as subtensor has it since its epochs have a
    /// counter (`get_activity_cutoff_blocks`), or a number of its own before.
    async fn activity_cutoff(&self, netuid: Netuid, tempo: u16) -> Result<u64, ChainError> {
        let subnet = || vec![number(netuid.0)];
        if self.runtime.has(ACTIVITY_CUTOFF_FACTOR) {
            let factor: u32 = self.needed(ACTIVITY_CUTOFF_FACTOR, subnet()).await?;
            return Ok((u64::from(factor) * u64::from(tempo) / 1_000).max(1));
        }
        if !self.runtime.has(ACTIVITY_CUTOFF) {
            return Ok(DEFAULT_ACTIVITY_CUTOFF_BLOCKS);
        }
        Ok(self.needed::<u16>(ACTIVITY_CUTOFF, subnet()).await?.into())
    }

    /// Time of the block in milliseconds since 1970, where the runtime tells it.
    pub(super) async fn time_ms(&self) -> Result<Option<u64>, ChainError> {
        if self.runtime.has(TIMESTAMP_NOW) { self.value(TIMESTAMP_NOW, vec![]).await } else { Ok(None) }
    }

    /// Epochs from a commit of weights to their opening.
    pub(super) async fn reveal_period(&self, netuid: Netuid) -> Result<u64, ChainError> {
        self.needed(REVEAL_PERIOD, vec![number(netuid.0)]).await
    }

    /// How the subnet's epochs follow each other.
    pub(super) async fn epochs(&self, netuid: Netuid) -> Result<Epochs, ChainError> {
        let subnet = || vec![number(netuid.0)];
        let tempo: u16 = self.needed(TEMPO, subnet()).await?;
        if ![LAST_EPOCH_BLOCK, PENDING_EPOCH_AT, SUBNET_EPOCH_INDEX].into_iter().all(|item| self.runtime.has(item)) {
            return Ok(Epochs::Fixed { tempo, netuid: netuid.0 });
        }
        Ok(Epochs::Stateful {
            tempo,
            last_epoch_block: self.value(LAST_EPOCH_BLOCK, subnet()).await?.unwrap_or(0),
            pending_epoch_at: self.value(PENDING_EPOCH_AT, subnet()).await?.unwrap_or(0),
            index: self.value(SUBNET_EPOCH_INDEX, subnet()).await?.unwrap_or(0),
            blocks_since_last_step: self.value(BLOCKS_SINCE_LAST_STEP, subnet()).await?.unwrap_or(0),
        })
    }

    pub(super) async fn weights(&self, netuid: Netuid, uid: Uid) -> Result<Vec<(Uid, u16)>, ChainError> {
        let keys = vec![number(netuid.0), number(uid.0)];
        let weights: Vec<(u16, u16)> = self.value(WEIGHTS, keys).await?.unwrap_or_default();
        Ok(weights.into_iter().map(|(uid, value)| (Uid(uid), value)).collect())
    }

    pub(super) async fn commitments(&self, netuid: Netuid) -> Result<Vec<RawCommitment>, ChainError> {
        let made = |slot: Registration| (BlockNumber(slot.block.into()), content(&slot.info.fields));
        let found = self.below_as(COMMITMENT_OF, vec![number(netuid.0)], MAX_SLOT_BYTES, made).await?;
        let commitment = |(hotkey, (block, data))| RawCommitment { hotkey: Hotkey(hotkey), block, data };
        let mut commitments: Vec<RawCommitment> = found.into_iter().map(commitment).collect();
        commitments.sort_by_key(|commitment| commitment.hotkey);
        Ok(commitments)
    }

    /// Blocks until the subnet's epoch ends, at least one.
    pub(super) async fn blocks_to_next_epoch(&self, netuid: Netuid) -> Result<u64, ChainError> {
        let tempo: u16 = self.needed(TEMPO, vec![number(netuid.0)]).await?;
        let since: u64 = self.value(BLOCKS_SINCE_LAST_STEP, vec![number(netuid.0)]).await?.unwrap_or(0);
        Ok((u64::from(tempo) + 1).saturating_sub(since).max(1))
    }
}
