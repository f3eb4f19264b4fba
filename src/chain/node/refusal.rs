//! Refusals of a node, from its pool or from a dispatched call, as the same errors.

use std::ops::RangeInclusive;

use subxt::rpcs::UserError;

use super::super::{ChainError, Hyperparameters, Neuron, WeightSubmission};
use super::link::{SHOWN_CHARS, shown};
use crate::admission::MAX_COMMITMENT_BYTES;
use crate::domain::{BlockNumber, Hotkey, Netuid, Uid, printable};

/// Code of the pool for what the runtime finds invalid.
const INVALID_TRANSACTION: i32 = 1010;
/// Code of the pool for a transaction that it dropped not long ago.
const TEMPORARILY_BANNED: i32 = 1012;
/// Code of the pool for a transaction that it has.
const ALREADY_IMPORTED: i32 = 1013;
/// Code of the pool for a transaction that it has a better one for, with the same nonce.
const TOO_LOW_PRIORITY: i32 = 1014;

/// Codes of the pool: what answers a transaction with one of them did not take it. Any other answer may have come after
/// the transaction went out.
const OF_POOL: RangeInclusive<i32> = 1010..=1016;

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
    TooManyUnrevealedCommits,
    /// Another transaction has this one's place.
    NonceTaken,
    /// The pool has this very transaction.
    AlreadyInPool,
    /// The pool will not look at this transaction for a while.
    Banned,
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
        ("SubtensorModule", "NoWeightsCommitFound" | "ExpiredWeightCommit" | "InvalidRevealCommitHashNotMatch") => {
            Refusal::CommitNotFound
        }
        ("SubtensorModule", "TooManyUnrevealedCommits") => Refusal::TooManyUnrevealedCommits,
        ("SubtensorModule", "RevealTooEarly") => Refusal::NotInRevealRange,
        ("Commitments", "TooManyFieldsInCommitmentInfo") => Refusal::CommitmentTooLong,
        ("Commitments", "SpaceLimitExceeded") => Refusal::SpaceLimitExceeded,
        _ => Refusal::Other(printable(&format!("{pallet}.{error}"), SHOWN_CHARS)),
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

/// What the answer to a transaction means, if it is the pool's.
pub(super) fn of_pool(error: &UserError) -> Option<Refusal> {
    OF_POOL.contains(&error.code).then(|| of_pool_code(error))
}

fn of_pool_code(error: &UserError) -> Refusal {
    let data = error.data.as_ref().map(|data| data.get().trim_matches('"')).unwrap_or_default();
    let custom = data.strip_prefix("Custom error: ").and_then(|code| code.parse().ok());
    match (error.code, custom) {
        (TOO_LOW_PRIORITY, _) => Refusal::NonceTaken,
        (ALREADY_IMPORTED, _) => Refusal::AlreadyInPool,
        (TEMPORARILY_BANNED, _) => Refusal::Banned,
        (INVALID_TRANSACTION, Some(code)) => of_custom(code),
        (INVALID_TRANSACTION, None) if data.contains("outdated") || data.contains("in the future") => {
            Refusal::NonceTaken
        }
        _ => Refusal::Other(shown(error)),
    }
}

/// What is known about a refused transaction, to put numbers to the refusal.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    pub(super) signer: Hotkey,
    pub(super) netuid: Netuid,
    pub(super) weights: Option<&'a WeightSubmission>,
    /// What stands on the chain, where it could be read.
    pub(super) standing: Option<Standing<'a>>,
}

/// What stands on the chain at the time of a refusal.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) neurons: &'a [Neuron],
    pub(super) rules: &'a Hyperparameters,
    pub(super) blocks_to_next_epoch: u64,
    /// The next block.
    pub(super) next: BlockNumber,
}

impl Refusal {
    /// The error of a refusal that none of our own checks foresaw. Numbers that are not known are not told.
    pub(super) fn error(self, facts: &Facts) -> ChainError {
        let Facts { signer: hotkey, netuid, weights, standing } = *facts;
        let (uids, values) = weights.map_or((0, 0), |weights| (weights.uids.len(), weights.values.len()));
        let first = weights.and_then(|weights| weights.uids.first().copied()).unwrap_or(Uid(0));
        match self {
            Refusal::UnknownSubnet => ChainError::UnknownSubnet(netuid),
            Refusal::NotRegistered => ChainError::NotRegistered { hotkey, netuid },
            Refusal::NoValidatorPermit => ChainError::NoValidatorPermit(hotkey),
            Refusal::LengthMismatch => ChainError::LengthMismatch { uids, values },
            Refusal::DuplicateUid => ChainError::DuplicateUid(first),
            Refusal::CommitmentTooLong => {
                ChainError::CommitmentTooLong { bytes: MAX_COMMITMENT_BYTES + 1, limit: MAX_COMMITMENT_BYTES }
            }
            Refusal::CommitRevealNeeded => ChainError::CommitRevealNeeded(netuid),
            Refusal::CommitRevealDisabled => ChainError::CommitRevealDisabled(netuid),
            Refusal::RevealRoundPast => ChainError::RevealRoundPast,
            Refusal::CommitNotFound => ChainError::CommitNotFound,
            Refusal::NotInRevealRange => ChainError::NotInRevealRange,
            Refusal::TooManyUnrevealedCommits => ChainError::TooManyUnrevealedCommits,
            Refusal::NonceTaken => ChainError::NonceTaken(hotkey),
            Refusal::AlreadyInPool => ChainError::AlreadyInPool,
            Refusal::Banned => ChainError::TemporarilyBanned,
            Refusal::Other(why) => ChainError::Refused(why),
            // Rules of weights say nothing about other calls: those have rules of their own by the same names.
            counted => match standing {
                Some(standing) if weights.is_some() || counted == Refusal::SpaceLimitExceeded => {
                    counted.with_numbers(facts, standing, first)
                }
                _ => ChainError::Refused(counted.without_numbers().into()),
            },
        }
    }

    /// The error of a refusal that is about numbers.
    fn with_numbers(self, facts: &Facts, standing: Standing, first: Uid) -> ChainError {
        let Standing { neurons, rules, .. } = standing;
        let own = neurons.iter().find(|neuron| neuron.hotkey == facts.signer);
        match self {
            Refusal::RateLimited => {
                // Taking a uid counts as setting weights.
                let last = own.map_or(0, |neuron| neuron.last_update.unwrap_or(neuron.registered_at).0);
                let allowed_at = last.saturating_add(rules.weights_set_rate_limit_blocks);
                ChainError::RateLimited { blocks_left: allowed_at.saturating_sub(standing.next.0).max(1) }
            }
            Refusal::StakeTooLow => ChainError::StakeTooLow {
                stake_rao: own.map_or(0, |neuron| neuron.stake_rao),
                needed_rao: rules.stake_threshold_rao,
            },
            Refusal::UidOutOfRange => ChainError::UidOutOfRange { uid: first, neurons: neurons.len() },
            Refusal::TooFewWeights => ChainError::TooFewWeights {
                given: facts.weights.map_or(0, |weights| weights.uids.len()),
                needed: usize::from(rules.min_allowed_weights),
            },
            Refusal::WeightTooLarge => ChainError::WeightTooLarge { uid: first, limit: rules.max_weights_limit },
            Refusal::VersionKeyTooOld => ChainError::VersionKeyTooOld {
                given: facts.weights.map_or(0, |weights| weights.version_key),
                needed: rules.weights_version_key,
            },
            Refusal::SpaceLimitExceeded => {
                ChainError::SpaceLimitExceeded { blocks_left: standing.blocks_to_next_epoch }
            }
            other => ChainError::Refused(other.without_numbers().into()),
        }
    }

    /// What is said where the numbers cannot be read.
    fn without_numbers(&self) -> &'static str {
        match self {
            Refusal::RateLimited => "it comes too soon after the last one; wait",
            Refusal::StakeTooLow => "the stake is too low; add stake",
            Refusal::UidOutOfRange => "one of the uids does not exist in the subnet; read the neurons again",
            Refusal::TooFewWeights => "the subnet asks for more weights; pay more miners (min_weight)",
            Refusal::WeightTooLarge => "one weight is too large a share; use a higher temperature",
            Refusal::VersionKeyTooOld => "the subnet asks for a newer version key; update kinitro",
            Refusal::SpaceLimitExceeded => {
                "the space for commitments of this epoch is used up; wait for the next epoch"
            }
            _ => "it does not say why",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(code: i32, message: &str) -> Refusal {
        of_pool_code(&UserError { code, message: message.into(), data: None })
    }

    #[test]
    fn a_nodes_words_are_made_fit_to_be_shown() {
        let escaped = "a\\u{1b}[2Jb\\u{a}c\\u{202e}";
        let said = "a\u{1b}[2Jb\nc\u{202e}";
        assert_eq!(pool(1016, said), Refusal::Other(format!("{escaped} (1016)")));
        assert_eq!(of_dispatch(said, "Error"), Refusal::Other(format!("{escaped}.Error")));
        assert_eq!(of_dispatch("Pallet", said), Refusal::Other(format!("Pallet.{escaped}")));
    }

    #[test]
    fn what_the_pool_has_is_not_sent_again_and_what_it_bans_waits() {
        assert_eq!(pool(1012, "Transaction is temporarily banned"), Refusal::Banned);
        assert_eq!(pool(1013, "Transaction Already Imported"), Refusal::AlreadyInPool);
        assert_eq!(pool(1014, "Priority is too low"), Refusal::NonceTaken);
    }

    #[test]
    fn no_number_is_told_that_could_not_be_read() {
        let facts = Facts { signer: Hotkey([1; 32]), netuid: Netuid(2), weights: None, standing: None };
        for refusal in [
            Refusal::RateLimited,
            Refusal::StakeTooLow,
            Refusal::UidOutOfRange,
            Refusal::TooFewWeights,
            Refusal::WeightTooLarge,
            Refusal::VersionKeyTooOld,
            Refusal::SpaceLimitExceeded,
        ] {
            let told = refusal.error(&facts).to_string();
            assert!(told.starts_with("the chain refused the call: "), "{told}");
            assert!(!told.contains(|c: char| c.is_ascii_digit()) && !told.contains("does not say why"), "{told}");
        }
        assert_eq!(Refusal::NotInRevealRange.error(&facts), ChainError::NotInRevealRange);
    }
}
