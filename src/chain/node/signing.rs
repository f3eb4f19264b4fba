//! Calls as signed transactions.

use subxt::client::OfflineClientAtBlockImpl;
use subxt::config::substrate::{AccountId32, H256, MultiSignature};
use subxt::config::{DefaultExtrinsicParamsBuilder, SubstrateConfig};
use subxt::dynamic::Value;
use subxt::ext::scale_value::Composite;
use subxt::tx::{DynamicPayload, SignableTransaction, Signer};

use super::super::{ChainError, WeightSubmission};
use super::commitment::plain;
use super::names::{COMMIT_HASH, COMMIT_WEIGHTS, REVEAL_WEIGHTS, SET_COMMITMENT, SET_WEIGHTS};
use super::reads::number;
use super::runtime::{Runtime, unreadable};
use crate::beacon::OperatorKey;
use crate::domain::{BlockRef, Netuid};

/// Blocks in which a transaction may be included, counted from the finalized head: 12.8 minutes at 12 s.
const MORTAL_BLOCKS: u64 = 64;

/// A call with its arguments by name.
pub(in crate::chain) type Payload = DynamicPayload<Composite<()>>;

/// The call that sets weights.
pub(in crate::chain) fn set_weights(netuid: Netuid, weights: &WeightSubmission) -> Payload {
    let list = |values: &mut dyn Iterator<Item = u16>| Value::unnamed_composite(values.map(number));
    let arguments = [
        ("netuid", number(netuid.0)),
        ("dests", list(&mut weights.uids.iter().map(|uid| uid.0))),
        ("weights", list(&mut weights.values.iter().copied())),
        ("version_key", number(weights.version_key)),
    ];
    DynamicPayload::new(SET_WEIGHTS.pallet, SET_WEIGHTS.name, Composite::named(arguments))
}

/// The call that commits locked weights.
pub(in crate::chain) fn commit_weights(netuid: Netuid, commit: &[u8], round: u64, version: u16) -> Payload {
    let arguments = [
        ("netuid", number(netuid.0)),
        ("commit", Value::from_bytes(commit)),
        ("reveal_round", number(round)),
        ("commit_reveal_version", number(version)),
    ];
    DynamicPayload::new(COMMIT_WEIGHTS.pallet, COMMIT_WEIGHTS.name, Composite::named(arguments))
}

/// The call that commits the hash of weights.
pub(in crate::chain) fn commit_hash(netuid: Netuid, hash: &[u8; 32]) -> Payload {
    let arguments = [("netuid", number(netuid.0)), ("commit_hash", Value::from_bytes(hash))];
    DynamicPayload::new(COMMIT_HASH.pallet, COMMIT_HASH.name, Composite::named(arguments))
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
    DynamicPayload::new(REVEAL_WEIGHTS.pallet, REVEAL_WEIGHTS.name, Composite::named(arguments))
}

/// The call that writes plain bytes into the signer's slot.
pub(in crate::chain) fn set_commitment(netuid: Netuid, data: &[u8]) -> Payload {
    let arguments = [("netuid", number(netuid.0)), ("info", plain(data))];
    DynamicPayload::new(SET_COMMITMENT.pallet, SET_COMMITMENT.name, Composite::named(arguments))
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
    SignableTransaction<'a, SubstrateConfig, OfflineClientAtBlockImpl<SubstrateConfig>, Payload>;

/// Makes a transaction of a call, which lives for some blocks after `birth`.
pub(super) fn signable<'a>(
    runtime: &Runtime,
    payload: &'a Payload,
    nonce: u64,
    birth: BlockRef,
) -> Result<Signable<'a>, ChainError> {
    let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
        .nonce(nonce)
        .mortal_from_unchecked(MORTAL_BLOCKS, birth.number.0, H256(birth.hash.0))
        .build();
    runtime.client().tx().create_signable_offline(payload, params).map_err(unreadable)
}

/// The bytes of a signed transaction.
pub(in crate::chain) fn sign(
    runtime: &Runtime,
    payload: &Payload,
    signer: &OperatorKey,
    nonce: u64,
    birth: BlockRef,
) -> Result<Vec<u8>, ChainError> {
    let mut signable = signable(runtime, payload, nonce, birth)?;
    Ok(signable.sign(&ChainSigner(signer)).map_err(unreadable)?.into_encoded())
}
