//! Transactions as they arrive: decoded, and their signatures checked.

use subxt::config::substrate::{H256, MultiSignature};
use subxt::config::{DefaultExtrinsicParamsBuilder, SubstrateConfig};
use subxt::ext::codec::Decode;
use subxt::ext::scale_decode::DecodeAsType;
use subxt::extrinsics::Extrinsic;
use subxt::utils::Era;

use super::super::super::node::commitment::{Info, content};
use super::super::super::node::names::{COMMIT_HASH, COMMIT_WEIGHTS, REVEAL_WEIGHTS, SET_COMMITMENT, SET_WEIGHTS};
use super::super::super::node::runtime::Runtime;
use super::super::super::{CommitmentData, WeightSubmission};
use super::refusals::PoolRefusal;
use crate::beacon::{Signature, verify_transaction};
use crate::domain::{BlockHash, BlockNumber, Hotkey, Netuid, Uid};

/// A transaction whose signature holds.
pub(super) struct Transaction {
    pub(super) signer: Hotkey,
    pub(super) nonce: u64,
    pub(super) call: Call,
}

/// What it asks for.
pub(super) enum Call {
    SetCommitment { netuid: Netuid, data: Vec<u8> },
    SetWeights { netuid: Netuid, weights: WeightSubmission },
    CommitWeights { netuid: Netuid, commit: Vec<u8>, version: u16 },
    CommitHash { netuid: Netuid, hash: [u8; 32] },
    RevealWeights { netuid: Netuid, weights: WeightSubmission },
}

/// Reads a transaction. `hash_of` tells the hash of a block up to the newest one.
pub(super) async fn read(
    runtime: &Runtime,
    bytes: &[u8],
    newest: BlockNumber,
    hash_of: impl Fn(BlockNumber) -> BlockHash,
) -> Result<Transaction, PoolRefusal> {
    let extrinsics = runtime.client().extrinsics().from_bytes(vec![bytes.to_vec()]).await;
    let Some(Ok(extrinsic)) = extrinsics.iter().next() else {
        return Err(PoolRefusal::unreadable("not a transaction"));
    };
    let unsigned = || PoolRefusal::unreadable("not a signed transaction");
    // An address is `MultiAddress::Id`, which is 0 and the account.
    let signer = extrinsic.address_bytes().and_then(|bytes| bytes.strip_prefix(&[0])).ok_or_else(unsigned)?;
    let signer = Hotkey(signer.try_into().map_err(|_| unsigned())?);
    let mut signature = extrinsic.signature_bytes().ok_or_else(unsigned)?;
    let Ok(MultiSignature::Sr25519(signature)) = MultiSignature::decode(&mut signature) else {
        return Err(PoolRefusal::bad_signature());
    };
    let extensions = extrinsic.transaction_extensions().ok_or_else(unsigned)?;
    let nonce = extensions.nonce().ok_or_else(unsigned)?;
    let era = extensions.iter().find(|one| one.name() == "CheckMortality").ok_or_else(unsigned)?;
    let Ok(Era::Mortal { period, phase }) = Era::decode(&mut era.bytes()) else {
        return Err(PoolRefusal::unreadable("not a mortal transaction"));
    };
    let birth = newest.0.max(phase) - phase;
    let birth = BlockNumber(birth / period * period + phase);
    if birth > newest {
        return Err(PoolRefusal::ancient_birth());
    }
    let payload = payload(runtime, &extrinsic, nonce, period, birth, hash_of(birth))
        .ok_or_else(|| PoolRefusal::unreadable("a call that cannot be encoded again"))?;
    if !verify_transaction(&signer, &payload, &Signature(signature)) {
        return Err(PoolRefusal::bad_signature());
    }
    let call = call(&extrinsic).ok_or_else(PoolRefusal::filtered)?;
    Ok(Transaction { signer, nonce, call })
}

type Decoded<'a> = Extrinsic<'a, SubstrateConfig, subxt::client::OfflineClientAtBlockImpl<SubstrateConfig>>;

/// What the signer must have signed.
fn payload(
    runtime: &Runtime,
    extrinsic: &Decoded,
    nonce: u64,
    period: u64,
    birth: BlockNumber,
    hash: BlockHash,
) -> Option<Vec<u8>> {
    let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
        .nonce(nonce)
        .mortal_from_unchecked(period, birth.0, H256(hash.0))
        .build();
    let transactions = runtime.client().tx();
    let call = transactions.from_call_data_bytes(extrinsic.call_data_bytes()).ok()?;
    transactions.create_signable_offline(&call, params).ok()?.signer_payload().ok()
}

fn call(extrinsic: &Decoded) -> Option<Call> {
    let name = (extrinsic.pallet_name(), extrinsic.call_name());
    let netuid = Netuid(field(extrinsic, "netuid")?);
    if name == (SET_COMMITMENT.pallet, SET_COMMITMENT.name) {
        let info: Info = field(extrinsic, "info")?;
        let CommitmentData::Bytes(data) = content(&info.fields) else { return None };
        return Some(Call::SetCommitment { netuid, data });
    }
    if name == (COMMIT_WEIGHTS.pallet, COMMIT_WEIGHTS.name) {
        let (commit, version) = (field(extrinsic, "commit")?, field(extrinsic, "commit_reveal_version")?);
        return Some(Call::CommitWeights { netuid, commit, version });
    }
    if name == (COMMIT_HASH.pallet, COMMIT_HASH.name) {
        let hash: H256 = field(extrinsic, "commit_hash")?;
        return Some(Call::CommitHash { netuid, hash: hash.0 });
    }
    let is_reveal = name == (REVEAL_WEIGHTS.pallet, REVEAL_WEIGHTS.name);
    if !is_reveal && name != (SET_WEIGHTS.pallet, SET_WEIGHTS.name) {
        return None;
    }
    let (uids, values) = if is_reveal { ("uids", "values") } else { ("dests", "weights") };
    let uids: Vec<u16> = field(extrinsic, uids)?;
    let salt: Vec<u16> = if is_reveal { field(extrinsic, "salt")? } else { vec![0; 8] };
    let weights = WeightSubmission {
        uids: uids.into_iter().map(Uid).collect(),
        values: field(extrinsic, values)?,
        version_key: field(extrinsic, "version_key")?,
        // No transaction says who earned what.
        holders: Vec::new(),
        salt: salt.try_into().ok()?,
    };
    Some(if is_reveal { Call::RevealWeights { netuid, weights } } else { Call::SetWeights { netuid, weights } })
}

fn field<T: DecodeAsType>(extrinsic: &Decoded, name: &str) -> Option<T> {
    extrinsic.iter_call_data_fields().find(|field| field.name() == name)?.decode_as().ok()
}

#[cfg(test)]
mod tests {
    use super::super::runtime::{DevRuntime, Running};
    use super::*;
    use crate::beacon::OperatorKey;
    use crate::chain::node::signing::{set_commitment, sign};
    use crate::domain::BlockRef;

    fn runtime(genesis: u8) -> Runtime {
        Running::new(&DevRuntime::recorded(), BlockHash([genesis; 32])).unwrap().runtime
    }

    fn hash_of(number: BlockNumber) -> BlockHash {
        BlockHash([number.0 as u8; 32])
    }

    fn signed(runtime: &Runtime, birth: BlockRef) -> Vec<u8> {
        sign(runtime, &set_commitment(Netuid(2), b"{}"), &OperatorKey::dev("a"), 7, birth).unwrap()
    }

    async fn refusal(bytes: &[u8], newest: u64) -> Option<String> {
        read(&runtime(1), bytes, BlockNumber(newest), hash_of).await.err().map(|refusal| refusal.data)
    }

    #[tokio::test]
    async fn a_transaction_is_taken_from_its_signer_on_its_chain_in_its_time_only() {
        let birth = BlockRef { number: BlockNumber(100), hash: hash_of(BlockNumber(100)) };
        let bytes = signed(&runtime(1), birth);
        let read = read(&runtime(1), &bytes, BlockNumber(163), hash_of).await.ok().unwrap();
        assert_eq!((read.signer, read.nonce), (OperatorKey::dev("a").hotkey(), 7));
        assert!(matches!(read.call, Call::SetCommitment { netuid: Netuid(2), data } if data == b"{}"));
        let bad = Some("Transaction has a bad signature".to_owned());
        // 64 blocks later the same era stands for another block of birth.
        assert_eq!(refusal(&bytes, 164).await, bad);
        assert_eq!(refusal(&signed(&runtime(2), birth), 101).await, bad, "signed for another chain");
        let elsewhere = BlockRef { hash: BlockHash([9; 32]), ..birth };
        assert_eq!(refusal(&signed(&runtime(1), elsewhere), 101).await, bad, "signed for another fork");
        let mut changed = bytes.clone();
        let last = changed.len() - 1;
        changed[last] ^= 1;
        assert_eq!(refusal(&changed, 101).await, bad, "changed on the way");
        assert!(refusal(&bytes[..40], 101).await.is_some_and(|why| why.starts_with("not a")), "cut short");
    }
}
