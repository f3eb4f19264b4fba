//! Refusals of a node, from its pool or from a dispatched call, as the same errors.

use subxt::rpcs::UserError;

use super::super::{ChainError, Hyperparameters, Neuron, WeightSubmission};
use super::link::shown;
use crate::admission::MAX_COMMITMENT_BYTES;
use crate::domain::{BlockNumber, Hotkey, Netuid, Uid};

/// Code of the pool for what the runtime finds invalid.
const INVALID_TRANSACTION: i32 = 1010;
/// Codes of the pool for a transaction that it has, or had, or has a better one for.
const ALREADY_THERE: [i32; 3] = [1012, 1013, 1014];

/// Why a transaction was refused, as far as the node says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownSubnet,
    NotRegistered,
    RateLimited,
    NoValidatorPermit,
    StakeTooLow,
    LengthMismatch,
    DuplicateUid,
    UidOutOfRange,
    TooFewWeights,
    WeightTooLarge,
    VersionKeyTooOld,
    CommitmentTooLong,
    SpaceLimitExceeded,
    CommitRevealNeeded,
    CommitRevealDisabled,
    RevealRoundPast,
    CommitNotFound,
    NotInRevealRange,
    /// Another transaction has this one's place.
    NonceTaken,
    /// Something else, in the node's words.
    Other(String),
}

/// What a dispatch error means, by the names of its pallet and itself.
pub(super) fn of_dispatch(pallet: &str, error: &str) -> Refusal {
    match (pallet, error) {
        ("SubtensorModule", "SubnetNotExists" | "MechanismDoesNotExist") => Refusal::UnknownSubnet,
        (
            "SubtensorModule",
            "HotKeyNotRegisteredInSubNet" | "HotKeyNotRegisteredInNetwork" | "HotKeyAccountNotExists",
        )
        | ("Commitments", "AccountNotAllowedCommit") => Refusal::NotRegistered,
        ("SubtensorModule", "SettingWeightsTooFast" | "CommittingWeightsTooFast" | "TxRateLimitExceeded")
        | ("Commitments", "CommitmentSetRateLimitExceeded") => Refusal::RateLimited,
        ("SubtensorModule", "NeuronNoValidatorPermit") => Refusal::NoValidatorPermit,
        ("SubtensorModule", "NotEnoughStakeToSetWeights") => Refusal::StakeTooLow,
        ("SubtensorModule", "WeightVecNotEqualSize" | "InputLengthsUnequal") => Refusal::LengthMismatch,
        ("SubtensorModule", "DuplicateUids") => Refusal::DuplicateUid,
        ("SubtensorModule", "UidVecContainInvalidOne" | "UidsLengthExceedUidsInSubNet") => Refusal::UidOutOfRange,
        ("SubtensorModule", "WeightVecLengthIsLow") => Refusal::TooFewWeights,
        ("SubtensorModule", "MaxWeightExceeded") => Refusal::WeightTooLarge,
        ("SubtensorModule", "IncorrectWeightVersionKey") => Refusal::VersionKeyTooOld,
        ("SubtensorModule", "CommitRevealEnabled") => Refusal::CommitRevealNeeded,
        ("SubtensorModule", "CommitRevealDisabled") => Refusal::CommitRevealDisabled,
        ("SubtensorModule", "InvalidRevealRound") => Refusal::RevealRoundPast,
        ("SubtensorModule", "NoWeightsCommitFound" | "ExpiredWeightCommit") => Refusal::CommitNotFound,
        ("SubtensorModule", "RevealTooEarly") => Refusal::NotInRevealRange,
        ("Commitments", "TooManyFieldsInCommitmentInfo") => Refusal::CommitmentTooLong,
        ("Commitments", "SpaceLimitExceeded") => Refusal::SpaceLimitExceeded,
        _ => Refusal::Other(format!("{pallet}.{error}")),
    }
}

/// What the pool's `Custom(code)` means: subtensor's own numbers (`common/src/transaction_error.rs`).
fn of_custom(code: u8) -> Refusal {
    match code {
        1 => Refusal::StakeTooLow,
        3 => Refusal::UnknownSubnet,
        4 | 10 | 19 => Refusal::NotRegistered,
        6 => Refusal::RateLimited,
        15 => Refusal::RevealRoundPast,
        16 => Refusal::CommitNotFound,
        17 => Refusal::NotInRevealRange,
        18 => Refusal::LengthMismatch,
        255 => Refusal::Other("the pool calls it a bad request (custom error 255)".into()),
        _ => Refusal::Other(format!("custom error {code} of the pool")),
    }
}

/// What the pool's answer means.
pub(super) fn of_pool(error: &UserError) -> Refusal {
    if ALREADY_THERE.contains(&error.code) {
        return Refusal::NonceTaken;
    }
    let data = error.data.as_ref().map(|data| data.get().trim_matches('"')).unwrap_or_default();
    let custom = data.strip_prefix("Custom error: ").and_then(|code| code.parse().ok());
    match (error.code, custom) {
        (INVALID_TRANSACTION, Some(code)) => of_custom(code),
        (INVALID_TRANSACTION, None) if data.contains("outdated") || data.contains("in the future") => {
            Refusal::NonceTaken
        }
        _ => Refusal::Other(shown(error)),
    }
}

/// What is known about a refused transaction, to put numbers to the refusal.
pub(super) struct Facts<'a> {
    pub(super) signer: Hotkey,
    pub(super) netuid: Netuid,
    pub(super) neurons: &'a [Neuron],
    pub(super) rules: &'a Hyperparameters,
    pub(super) weights: Option<&'a WeightSubmission>,
    pub(super) blocks_to_next_epoch: u64,
    /// The next block.
    pub(super) next: BlockNumber,
}

impl Refusal {
    /// The error of a refusal that none of our own checks foresaw.
    pub(super) fn error(self, facts: &Facts) -> ChainError {
        let Facts { signer: hotkey, netuid, neurons, rules, .. } = *facts;
        let (uids, values) = facts.weights.map_or((0, 0), |weights| (weights.uids.len(), weights.values.len()));
        let first = facts.weights.and_then(|weights| weights.uids.first().copied()).unwrap_or(Uid(0));
        let own = neurons.iter().find(|neuron| neuron.hotkey == hotkey);
        match self {
            Refusal::UnknownSubnet => ChainError::UnknownSubnet(netuid),
            Refusal::NotRegistered => ChainError::NotRegistered { hotkey, netuid },
            Refusal::RateLimited => {
                // Taking a uid counts as setting weights.
                let last = own.map_or(0, |neuron| neuron.last_update.unwrap_or(neuron.registered_at).0);
                let allowed_at = last.saturating_add(rules.weights_set_rate_limit_blocks);
                ChainError::RateLimited { blocks_left: allowed_at.saturating_sub(facts.next.0).max(1) }
            }
            Refusal::NoValidatorPermit => ChainError::NoValidatorPermit(hotkey),
            Refusal::StakeTooLow => ChainError::StakeTooLow {
                stake_rao: own.map_or(0, |neuron| neuron.stake_rao),
                needed_rao: rules.stake_threshold_rao,
            },
            Refusal::LengthMismatch => ChainError::LengthMismatch { uids, values },
            Refusal::DuplicateUid => ChainError::DuplicateUid(first),
            Refusal::UidOutOfRange => ChainError::UidOutOfRange { uid: first, neurons: neurons.len() },
            Refusal::TooFewWeights => {
                ChainError::TooFewWeights { given: uids, needed: usize::from(rules.min_allowed_weights) }
            }
            Refusal::WeightTooLarge => ChainError::WeightTooLarge { uid: first, limit: rules.max_weights_limit },
            Refusal::VersionKeyTooOld => ChainError::VersionKeyTooOld {
                given: facts.weights.map_or(0, |weights| weights.version_key),
                needed: rules.weights_version_key,
            },
            Refusal::CommitmentTooLong => {
                ChainError::CommitmentTooLong { bytes: MAX_COMMITMENT_BYTES + 1, limit: MAX_COMMITMENT_BYTES }
            }
            Refusal::SpaceLimitExceeded => ChainError::SpaceLimitExceeded { blocks_left: facts.blocks_to_next_epoch },
            Refusal::CommitRevealNeeded => ChainError::CommitRevealNeeded(netuid),
            Refusal::CommitRevealDisabled => ChainError::CommitRevealDisabled(netuid),
            Refusal::RevealRoundPast => ChainError::RevealRoundPast,
            Refusal::CommitNotFound => ChainError::CommitNotFound,
            Refusal::NotInRevealRange => ChainError::NotInRevealRange,
            Refusal::NonceTaken => ChainError::NonceTaken(hotkey),
            Refusal::Other(why) => ChainError::Refused(why),
        }
    }
}
