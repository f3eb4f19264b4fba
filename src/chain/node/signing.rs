//! Calls as signed transactions.

use subxt::client::OfflineClientAtBlockImpl;
use subxt::config::substrate::{AccountId32, H256, MultiSignature};
use subxt::config::{DefaultExtrinsicParamsBuilder, SubstrateConfig};
use subxt::dynamic::Value;
use subxt::ext::codec::{Compact, Encode, Output};
use subxt::ext::scale_value::Composite;
use subxt::tx::{DynamicPayload, SignableTransaction, Signer};

use super::super::{ChainError, WeightSubmission};
use super::commitment::plain;
use super::names::{COMMIT_HASH, COMMIT_WEIGHTS, Call, REVEAL_WEIGHTS, SET_COMMITMENT, SET_WEIGHTS};
use super::reads::number;
use super::runtime::{Runtime, unreadable};
use crate::admission::MAX_RAW_BYTES;
use crate::beacon::OperatorKey;
use crate::domain::{BlockRef, Netuid};

/// Blocks in which a transaction may be included, counted from the finalized head: 12.8 minutes at 12 s.
pub(super) const MORTAL_BLOCKS: u64 = 64;
/// Bytes that say which call it is: the pallet's number and the call's.
const CALL_INDEX_BYTES: usize = 2;
/// Variants of the pallet's kinds of data.
const RAW_0: u8 = 1;
const BIG_RAW: u8 = 136;

/// Extensions of a transaction that hold something and are written here: subxt's own.
const EXTENSIONS: [&str; 8] = [
    "CheckSpecVersion",
    "CheckTxVersion",
    "CheckGenesis",
    "CheckMortality",
    "CheckNonce",
    "ChargeTransactionPayment",
    "ChargeAssetTxPayment",
    "CheckMetadataHash",
];

/// A call with its arguments by name, as the runtime's description is to write them.
type Described = DynamicPayload<Composite<()>>;

/// A call that is to be signed: as described, and the bytes that its arguments are by our own knowledge of the chain.
/// What a runtime says of itself is what one node says; the bytes are signed only where both agree. Which call the two
/// numbers before the arguments name is the description's word alone.
pub(in crate::chain) struct Payload {
    call: Described,
    arguments: Vec<u8>,
}

impl Payload {
    /// A call, with its arguments by name and as a tuple of their own in the call's order.
    fn new<const N: usize>(call: &Call, arguments: [(&str, Value); N], bytes: impl Encode) -> Payload {
        let call = DynamicPayload::new(call.pallet, call.name, Composite::named(arguments));
        Payload { call, arguments: bytes.encode() }
    }
}

/// The bytes of a call, if the runtime's description and our own knowledge agree on the arguments.
pub(super) fn call_data(runtime: &Runtime, payload: &Payload) -> Result<Vec<u8>, ChainError> {
    let (pallet, call) = (payload.call.pallet_name(), payload.call.call_name());
    runtime.check_arguments(pallet, call)?;
    let unknown =
        || ChainError::UnknownForm { spec_version: runtime.spec_version(), what: format!("the call {pallet}.{call}") };
    let bytes = runtime.client().tx().call_data(&payload.call).map_err(|_| unknown())?;
    if bytes.get(CALL_INDEX_BYTES..) == Some(&payload.arguments) { Ok(bytes) } else { Err(unknown()) }
}

/// Refuses to sign what an unknown extension would put beside the call.
fn check_extensions(runtime: &Runtime) -> Result<(), ChainError> {
    match runtime.unknown_extension(&EXTENSIONS)? {
        None => Ok(()),
        Some(name) => Err(ChainError::UnknownForm {
            spec_version: runtime.spec_version(),
            what: format!("transactions with the extension {name}"),
        }),
    }
}

/// The call that sets weights.
pub(in crate::chain) fn set_weights(netuid: Netuid, weights: &WeightSubmission) -> Payload {
    let list = |values: &mut dyn Iterator<Item = u16>| Value::unnamed_composite(values.map(number));
    let arguments = [
        ("netuid", number(netuid.0)),
        ("dests", list(&mut weights.uids.iter().map(|uid| uid.0))),
        ("weights", list(&mut weights.values.iter().copied())),
        ("version_key", number(weights.version_key)),
    ];
    let uids: Vec<u16> = weights.uids.iter().map(|uid| uid.0).collect();
    Payload::new(&SET_WEIGHTS, arguments, (netuid.0, uids, &weights.values, weights.version_key))
}

/// The call that commits locked weights.
pub(in crate::chain) fn commit_weights(netuid: Netuid, commit: &[u8], round: u64, version: u16) -> Payload {
    let arguments = [
        ("netuid", number(netuid.0)),
        ("commit", Value::from_bytes(commit)),
        ("reveal_round", number(round)),
        ("commit_reveal_version", number(version)),
    ];
    Payload::new(&COMMIT_WEIGHTS, arguments, (netuid.0, commit, round, version))
}

/// The call that commits the hash of weights.
pub(in crate::chain) fn commit_hash(netuid: Netuid, hash: &[u8; 32]) -> Payload {
    let arguments = [("netuid", number(netuid.0)), ("commit_hash", Value::from_bytes(hash))];
    Payload::new(&COMMIT_HASH, arguments, (netuid.0, hash))
}

/// The call that reveals weights whose hash was committed.
pub(in crate::chain) fn reveal_weights(netuid: Netuid, weights: &WeightSubmission) -> Payload {
    let list = |values: &mut dyn Iterator<Item = u16>| Value::unnamed_composite(values.map(number));
    let arguments = [
        ("netuid", number(netuid.0)),
        ("uids", list(&mut weights.uids.iter().map(|uid| uid.0))),
        ("values", list(&mut weights.values.iter().copied())),
        ("salt", list(&mut weights.salt.iter().copied())),
        ("version_key", number(weights.version_key)),
    ];
    let uids: Vec<u16> = weights.uids.iter().map(|uid| uid.0).collect();
    let bytes = (netuid.0, uids, &weights.values, &weights.salt[..], weights.version_key);
    Payload::new(&REVEAL_WEIGHTS, arguments, bytes)
}

/// The call that writes plain bytes into the signer's slot.
pub(in crate::chain) fn set_commitment(netuid: Netuid, data: &[u8]) -> Payload {
    let arguments = [("netuid", number(netuid.0)), ("info", plain(data))];
    Payload::new(&SET_COMMITMENT, arguments, OneField { netuid: netuid.0, data })
}

/// The arguments of a commitment of plain bytes: a list of one field.
struct OneField<'a> {
    netuid: u16,
    data: &'a [u8],
}

impl Encode for OneField<'_> {
    fn encode_to<T: Output + ?Sized>(&self, bytes: &mut T) {
        (self.netuid, Compact(1u32)).encode_to(bytes);
        match u8::try_from(self.data.len()).ok().filter(|length| usize::from(*length) <= MAX_RAW_BYTES) {
            // Raw0 to Raw128 are the variants 1 to 129, and say no length.
            Some(length) => bytes.push_byte(RAW_0 + length),
            None => (BIG_RAW, Compact(self.data.len() as u32)).encode_to(bytes),
        }
        bytes.write(self.data);
    }
}

struct ChainSigner<'a>(&'a OperatorKey);

impl Signer<SubstrateConfig> for ChainSigner<'_> {
    fn account_id(&self) -> AccountId32 {
        AccountId32(self.0.hotkey().0)
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        MultiSignature::Sr25519(self.0.sign_transaction(payload).0)
    }
}

/// A call that is ready to be signed.
pub(super) type Signable<'a> =
    SignableTransaction<'a, SubstrateConfig, OfflineClientAtBlockImpl<SubstrateConfig>, Described>;

/// Makes a transaction of a call, which lives for some blocks after `birth`.
pub(super) fn signable<'a>(
    runtime: &Runtime,
    call: &'a Described,
    nonce: u64,
    birth: BlockRef,
) -> Result<Signable<'a>, ChainError> {
    let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
        .nonce(nonce)
        .mortal_from_unchecked(MORTAL_BLOCKS, birth.number.0, H256(birth.hash.0))
        .build();
    runtime.client().tx().create_signable_offline(call, params).map_err(unreadable)
}

/// The bytes of a signed transaction.
pub(in crate::chain) fn sign(
    runtime: &Runtime,
    payload: &Payload,
    signer: &OperatorKey,
    nonce: u64,
    birth: BlockRef,
) -> Result<Vec<u8>, ChainError> {
    check_extensions(runtime)?;
    call_data(runtime, payload)?;
    let mut signable = signable(runtime, &payload.call, nonce, birth)?;
    Ok(signable.sign(&ChainSigner(signer)).map_err(unreadable)?.into_encoded())
}
