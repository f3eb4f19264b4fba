//! What is read from a chain and written to it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ChainError;
use crate::domain::{BlockNumber, Hotkey, Uid};
use crate::score::U16Weights;

/// A registered hotkey of a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neuron {
    /// Where it sits.
    pub uid: Uid,
    /// Who it is.
    pub hotkey: Hotkey,
    /// The account that owns it, where the chain says.
    pub coldkey: Option<Hotkey>,
    /// Its stake in rao, 10⁻⁹ of the subnet's token.
    pub stake_rao: u64,
    /// Whether it may set weights for others.
    pub validator_permit: bool,
    /// Block in which it took this uid.
    pub registered_at: BlockNumber,
    /// Block in which it last set weights; none if it never did.
    pub last_update: Option<BlockNumber>,
    /// Its share of what the subnet pays to miners, of 65535, as the chain last computed it.
    pub incentive: u16,
}

/// The content of a commitment slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitmentData {
    /// Plain bytes, of one field of up to 512.
    Bytes(Vec<u8>),
    /// Anything else: hashes, time-locked text, several fields, none. What the slot's fields hold, in their order.
    Opaque(Vec<OpaqueField>),
}

/// A field of a commitment slot that is not one of plain bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpaqueField {
    /// Its kind, by the name that the runtime gives it, safe to show.
    pub kind: String,
    /// The bytes in it; none where the kind has none.
    pub bytes: Vec<u8>,
}

/// The kinds of some fields, for people and programs: `BlakeTwo256`, `Raw1, Raw1`, or `nothing`.
pub fn opaque_kind(fields: &[OpaqueField]) -> String {
    let names: Vec<&str> = fields.iter().map(|field| field.kind.as_str()).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// What a hotkey has in its commitment slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCommitment {
    /// Whose slot.
    pub hotkey: Hotkey,
    /// Block in which it was written: its date.
    pub block: BlockNumber,
    /// What it holds.
    pub data: CommitmentData,
}

/// A subnet's rules for those who set weights. Names are subtensor's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hyperparameters {
    /// Blocks of an epoch; of older runtimes less one.
    pub tempo: u16,
    /// Blocks that must pass between two settings of weights by one neuron; taking its uid counts as the first.
    pub weights_set_rate_limit_blocks: u64,
    /// Fewest weights in one setting; a smaller subnet needs one for each of its neurons.
    pub min_allowed_weights: u16,
    /// Largest share of one weight, of 65535; 65535 stands for no limit.
    pub max_weights_limit: u16,
    /// Lowest version key that is accepted.
    pub weights_version_key: u64,
    /// Least stake of a neuron that sets weights, in rao.
    pub stake_threshold_rao: u64,
    /// Whether weights are committed first and revealed later.
    pub commit_reveal_weights_enabled: bool,
    /// Blocks after which weights that were not set again stop counting.
    pub activity_cutoff_blocks: u64,
}

/// Subtensor's own default of [`Hyperparameters::activity_cutoff_blocks`].
pub(super) const DEFAULT_ACTIVITY_CUTOFF_BLOCKS: u64 = 5_000;

impl Default for Hyperparameters {
    /// The development chain's: short waits, no stake asked.
    fn default() -> Self {
        Hyperparameters {
            tempo: 99,
            weights_set_rate_limit_blocks: 10,
            min_allowed_weights: 1,
            max_weights_limit: u16::MAX,
            weights_version_key: 0,
            stake_threshold_rao: 0,
            commit_reveal_weights_enabled: false,
            activity_cutoff_blocks: DEFAULT_ACTIVITY_CUTOFF_BLOCKS,
        }
    }
}

/// Weights to set, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightSubmission {
    /// Whom to pay, each once.
    pub uids: Vec<Uid>,
    /// How much, `values[i]` for `uids[i]`; the largest is 65535.
    pub values: Vec<u16>,
    /// Version of the software that made them, as the subnet numbers it.
    pub version_key: u64,
    /// Who earned the weight of `uids[i]`: nobody else is to be paid at that uid.
    pub holders: Vec<Hotkey>,
    /// Hides the weights while only their hash is on the chain. Random, and kept until they are revealed.
    pub salt: [u16; 8],
}

impl WeightSubmission {
    /// A submission of a chain vector; `holders` is who earned the weight of each uid.
    ///
    /// # Errors
    /// [`ChainError::HolderUnknown`] for the first uid that `holders` does not name.
    pub fn new(
        weights: U16Weights,
        version_key: u64,
        holders: &BTreeMap<Uid, Hotkey>,
        salt: [u16; 8],
    ) -> Result<WeightSubmission, ChainError> {
        let holder = |uid: &Uid| holders.get(uid).copied().ok_or(ChainError::HolderUnknown(*uid));
        let holders = weights.uids.iter().map(holder).collect::<Result<_, _>>()?;
        Ok(WeightSubmission { uids: weights.uids, values: weights.values, version_key, holders, salt })
    }
}

/// Where a write was included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The final block that holds it. A development chain whose blocks come by hand does not wait for that: a fork may drop
    /// the block there.
    pub block: BlockNumber,
}

/// In which form weights went to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightsForm {
    /// Openly: they stand.
    Plain,
    /// Locked until a round of drand's; the chain opens them itself.
    Timelocked,
    /// As a hash: whoever sent it reveals the weights later, or they never stand.
    Hashed,
}

impl fmt::Display for WeightsForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WeightsForm::Plain => "plain",
            WeightsForm::Timelocked => "timelocked",
            WeightsForm::Hashed => "hashed",
        })
    }
}

/// Where weights were included, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightsReceipt {
    /// The block that holds them, final as a [`Receipt`]'s.
    pub block: BlockNumber,
    /// In which form.
    pub form: WeightsForm,
}
