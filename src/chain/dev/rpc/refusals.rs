//! How a node says no: at its pool with a code, or in a block with an error of a pallet.

use jsonrpsee::types::ErrorObjectOwned;
use subxt::dynamic::Value;

use super::super::super::ChainError;
use super::super::super::node::reads::number;
use super::super::super::node::runtime::Runtime;

/// The pool's code for what the runtime finds invalid.
const INVALID_TRANSACTION: i32 = 1010;
/// Substrate's code for a state that is gone.
const UNKNOWN_BLOCK: i32 = 4003;

/// A refusal at the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PoolRefusal {
    pub(super) code: i32,
    pub(super) data: String,
}

impl PoolRefusal {
    fn invalid(data: &str) -> PoolRefusal {
        PoolRefusal { code: INVALID_TRANSACTION, data: data.into() }
    }

    pub(super) fn unreadable(what: &str) -> PoolRefusal {
        PoolRefusal::invalid(what)
    }

    pub(super) fn custom(code: u8) -> PoolRefusal {
        PoolRefusal::invalid(&format!("Custom error: {code}"))
    }

    pub(super) fn bad_signature() -> PoolRefusal {
        PoolRefusal::invalid("Transaction has a bad signature")
    }

    pub(super) fn ancient_birth() -> PoolRefusal {
        PoolRefusal::invalid("Transaction has an ancient birth block")
    }

    pub(super) fn filtered() -> PoolRefusal {
        PoolRefusal::invalid("Transaction call is not expected")
    }

    pub(super) fn outdated() -> PoolRefusal {
        PoolRefusal::invalid("Transaction is outdated")
    }

    pub(super) fn too_early() -> PoolRefusal {
        PoolRefusal::invalid("Transaction will be valid in the future")
    }
}

impl From<PoolRefusal> for ErrorObjectOwned {
    fn from(refusal: PoolRefusal) -> ErrorObjectOwned {
        let message = if refusal.code == INVALID_TRANSACTION { "Invalid Transaction" } else { "Priority is too low" };
        ErrorObjectOwned::owned(refusal.code, message, Some(refusal.data))
    }
}

/// The answer to a read of a state that is gone, or of a block that never was.
pub(super) fn unknown_block(what: &str) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(UNKNOWN_BLOCK, format!("Client error: UnknownBlock: {what}"), None::<()>)
}

/// The answer when the chain itself fails.
pub(super) fn internal(error: &ChainError) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(-32_603, error.to_string(), None::<()>)
}

/// Pallet and error of a refusal, as subtensor names it.
pub(super) fn dispatch_name(error: &ChainError) -> (&'static str, &'static str) {
    match error {
        ChainError::UnknownSubnet(_) => ("SubtensorModule", "SubnetNotExists"),
        ChainError::NotRegistered { .. } => ("SubtensorModule", "HotKeyNotRegisteredInSubNet"),
        ChainError::RateLimited { .. } => ("SubtensorModule", "SettingWeightsTooFast"),
        ChainError::NoValidatorPermit(_) => ("SubtensorModule", "NeuronNoValidatorPermit"),
        ChainError::StakeTooLow { .. } => ("SubtensorModule", "NotEnoughStakeToSetWeights"),
        ChainError::LengthMismatch { .. } => ("SubtensorModule", "WeightVecNotEqualSize"),
        ChainError::DuplicateUid(_) => ("SubtensorModule", "DuplicateUids"),
        ChainError::UidOutOfRange { .. } => ("SubtensorModule", "UidVecContainInvalidOne"),
        ChainError::TooFewWeights { .. } => ("SubtensorModule", "WeightVecLengthIsLow"),
        ChainError::WeightTooLarge { .. } => ("SubtensorModule", "MaxWeightExceeded"),
        ChainError::VersionKeyTooOld { .. } => ("SubtensorModule", "IncorrectWeightVersionKey"),
        ChainError::CommitmentTooLong { .. } => ("Commitments", "TooManyFieldsInCommitmentInfo"),
        ChainError::SpaceLimitExceeded { .. } => ("Commitments", "SpaceLimitExceeded"),
        ChainError::CommitRevealNeeded(_) => ("SubtensorModule", "CommitRevealEnabled"),
        ChainError::CommitRevealDisabled(_) => ("SubtensorModule", "CommitRevealDisabled"),
        ChainError::CommitNotFound => ("SubtensorModule", "NoWeightsCommitFound"),
        ChainError::NotInRevealRange => ("SubtensorModule", "RevealTooEarly"),
        ChainError::TooManyUnrevealedCommits => ("SubtensorModule", "TooManyUnrevealedCommits"),
        ChainError::Refused(_) => ("SubtensorModule", "IncorrectCommitRevealVersion"),
        _ => ("System", "CallFiltered"),
    }
}

/// The code with which subtensor's pool refuses already what it would refuse in a block, where it does.
pub(super) fn pool_code(error: &ChainError) -> Option<u8> {
    match error {
        ChainError::StakeTooLow { .. } => Some(1),
        ChainError::UnknownSubnet(_) => Some(3),
        ChainError::RateLimited { .. } => Some(6),
        ChainError::CommitNotFound => Some(16),
        ChainError::NotInRevealRange => Some(17),
        ChainError::LengthMismatch { .. } => Some(18),
        ChainError::NotRegistered { .. } => Some(19),
        _ => None,
    }
}

/// The events of a block from how its transactions ended.
pub(super) fn events(runtime: &Runtime, ended: &[Option<(String, String)>]) -> Result<Value, ChainError> {
    let mut records = Vec::new();
    for (place, error) in ended.iter().enumerate() {
        let info = Value::named_composite([
            ("weight", Value::named_composite([("ref_time", number(0u8)), ("proof_size", number(0u8))])),
            ("class", Value::unnamed_variant("Normal", [])),
            ("pays_fee", Value::unnamed_variant("No", [])),
        ]);
        let event = match error {
            None => Value::named_variant("ExtrinsicSuccess", [("dispatch_info", info)]),
            Some((pallet, name)) => {
                let (pallet, error) = runtime.error_index(pallet, name)?;
                let bytes = Value::unnamed_composite([error, 0, 0, 0].map(number));
                let module = Value::named_composite([("index", number(pallet)), ("error", bytes)]);
                let error = Value::unnamed_variant("Module", [module]);
                Value::named_variant("ExtrinsicFailed", [("dispatch_error", error), ("dispatch_info", info)])
            }
        };
        records.push(Value::named_composite([
            ("phase", Value::unnamed_variant("ApplyExtrinsic", [number(place as u32)])),
            ("event", Value::unnamed_variant("System", [event])),
            ("topics", Value::unnamed_composite([])),
        ]));
    }
    Ok(Value::unnamed_composite(records))
}
