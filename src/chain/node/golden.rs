//! Bytes against those recorded from a real node (`tests/chain/fixtures`).

use std::path::Path;

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use serde_json::Value as Json;
use subxt::config::substrate::{AccountId32, H256, MultiSignature, SubstrateHeader};
use subxt::config::{DefaultExtrinsicParamsBuilder, SubstrateConfig};
use subxt::dynamic::Value;
use subxt::ext::codec::Encode;
use subxt::ext::scale_value::Composite;
use subxt::tx::DynamicPayload;

use super::commitment::{Registration, content};
use super::names::*;
use super::runtime::Runtime;
use super::signing::{call_data, set_commitment, set_weights, signable};
use crate::beacon::{Signature, verify_transaction};
use crate::chain::{CommitmentData, DevRuntime, OpaqueField, WeightSubmission};
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid, Uid};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chain/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn golden() -> Json {
    serde_json::from_slice(&fixture("golden.json")).unwrap()
}

fn runtime(spec_version: u32) -> Runtime {
    let metadata = match spec_version {
        461 => DevRuntime::recorded().metadata().to_vec(),
        _ => zstd::decode_all(&fixture(&format!("metadata-{spec_version}.scale.zst"))[..]).unwrap(),
    };
    let genesis: BlockHash = golden()["network"]["genesis_hash"].as_str().unwrap().parse().unwrap();
    Runtime::new(&metadata, (spec_version, 1), genesis).unwrap()
}

fn bytes(json: &Json) -> Vec<u8> {
    hex::decode(json.as_str().unwrap().strip_prefix("0x").unwrap()).unwrap()
}

/// Addresses are accounts and all else is numbers.
fn value(json: &Json) -> Value {
    match json {
        Json::String(text) if text.starts_with("0x") => Value::from_bytes(bytes(json)),
        Json::String(address) => Value::from_bytes(address.parse::<Hotkey>().unwrap().0),
        Json::Array(list) => Value::unnamed_composite(list.iter().map(value)),
        other => Value::u128(other.as_u64().unwrap().into()),
    }
}

fn values(list: &Json) -> Vec<Value> {
    list.as_array().unwrap().iter().map(value).collect()
}

#[test]
fn storage_keys_are_those_of_a_node() {
    let (golden, runtime) = (golden(), runtime(461));
    let cases = golden["storage_keys"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let item = (case["pallet"].as_str().unwrap(), case["storage_function"].as_str().unwrap());
        let entry = runtime.client().storage().entry(item).unwrap();
        assert_eq!(entry.fetch_key(values(&case["params"])).unwrap(), bytes(&case["key_hex"]), "{item:?}");
    }
    let tempo = &cases.iter().find(|case| case["storage_function"] == "Tempo").unwrap()["key_hex"];
    assert_eq!(runtime.key(TEMPO, vec![Value::u128(1)]).unwrap(), bytes(tempo));
}

#[test]
fn prefixes_and_the_keys_below_are_those_of_a_node() {
    let (golden, runtime) = (golden(), runtime(461));
    let keys = golden["query_maps"].as_array().unwrap().iter().find(|case| case["storage_function"] == "Keys").unwrap();
    let prefix = runtime.key(KEYS, vec![Value::u128(1)]).unwrap();
    assert_eq!(prefix, bytes(&keys["prefix_hex"]));
    let key = bytes(&keys["raw_keys"][0]);
    assert!(key.starts_with(&prefix));
    assert_eq!(key.last_chunk(), Some(&[0, 0]), "the uid comes last");
    let account: AccountId32 = runtime.decode(KEYS, &bytes(&keys["raw_changes"][0][1])).unwrap();
    let hotkey: Hotkey = keys["pairs"][0][1].as_str().unwrap().parse().unwrap();
    assert_eq!(account.0, hotkey.0);
}

#[test]
fn values_are_read_as_a_node_writes_them() {
    let (golden, runtime) = (golden(), runtime(461));
    let raw = |name: &str| {
        let cases = golden["storage_values"].as_array().unwrap();
        bytes(&cases.iter().find(|case| case["storage_function"] == name).unwrap()["raw_hex"])
    };
    assert_eq!(runtime.decode::<u16>(TEMPO, &raw("Tempo")).unwrap(), 100);
    assert!(runtime.decode::<bool>(NETWORKS_ADDED, &raw("NetworksAdded")).unwrap());
    assert_eq!(runtime.default_of::<bool>(NETWORKS_ADDED).unwrap(), Some(false));
    assert!(runtime.decode::<u16>(TEMPO, &[1, 2, 3]).is_err(), "a byte too many");
    assert!(runtime.decode::<u16>(TEMPO, &[1]).is_err(), "a byte too few");
}

#[test]
fn the_call_that_sets_weights_is_the_recorded_one() {
    let golden = golden();
    let case = golden["calls"].as_array().unwrap().iter().find(|case| case["function"] == "set_weights").unwrap();
    let weights = WeightSubmission {
        uids: vec![Uid(0), Uid(1)],
        values: vec![100, 200],
        version_key: 0,
        holders: vec![],
        salt: [0; 8],
    };
    for version in [461, 419, 365] {
        let call = call_data(&runtime(version), &set_weights(Netuid(1), &weights)).unwrap();
        assert_eq!(call, bytes(&case["data_hex"]));
    }
}

#[test]
fn commitments_are_one_field_of_the_smallest_kind() {
    let data: Vec<u8> = (0..=255).chain(0..=255).collect();
    for version in [461, 419, 365] {
        let runtime = runtime(version);
        let pallet = runtime.client().metadata_ref().pallet_by_name("Commitments").unwrap().call_index();
        for length in [0usize, 1, 2, 127, 128, 129, 300, 512] {
            let call = call_data(&runtime, &set_commitment(Netuid(7), &data[..length])).unwrap();
            // Raw0 to Raw128 are the variants 1 to 129 and have no length; BigRaw is 136 and begins with its length.
            let kind = match length {
                0..=128 => vec![1 + length as u8],
                _ => [vec![136], subxt::ext::codec::Compact(length as u32).encode()].concat(),
            };
            let expected = [&[pallet, 0, 7, 0, 4], &kind[..], &data[..length]].concat();
            assert_eq!(call, expected, "{length} bytes");
        }
    }
}

#[test]
fn slots_of_every_kind_are_read_and_only_plain_bytes_as_bytes() {
    let runtime = runtime(461);
    let slot = |fields: &[u8]| {
        let bytes = [&[0; 8][..], &1234u32.to_le_bytes(), fields].concat();
        let slot: Registration = runtime.decode(COMMITMENT_OF, &bytes).unwrap();
        assert_eq!(slot.block, 1234);
        content(&slot.info.fields)
    };
    let opaque = |fields: &[(&str, &[u8])]| {
        let field = |(kind, bytes): &(&str, &[u8])| OpaqueField { kind: (*kind).into(), bytes: bytes.to_vec() };
        CommitmentData::Opaque(fields.iter().map(field).collect())
    };
    assert_eq!(slot(&[4, 3, b'a', b'b']), CommitmentData::Bytes(b"ab".to_vec()));
    assert_eq!(slot(&[4, 1]), CommitmentData::Bytes(vec![]));
    assert_eq!(slot(&[4, 2, 9]), CommitmentData::Bytes(vec![9]));
    assert_eq!(slot(&[4, 136, 8, b'a', b'b']), CommitmentData::Bytes(b"ab".to_vec()));
    assert_eq!(slot(&[4, 136, 4, b'a']), CommitmentData::Bytes(b"a".to_vec()));
    assert_eq!(slot(&[0]), opaque(&[]));
    assert_eq!(slot(&[4, 0]), opaque(&[("None", b"")]));
    assert_eq!(slot(&[&[4, 130][..], &[7; 32]].concat()), opaque(&[("BlakeTwo256", &[7; 32])]));
    assert_eq!(slot(&[4, 135]), opaque(&[("ResetBondsFlag", b"")]));
    let sealed = [&[4, 134, 8, 1, 2][..], &77u64.to_le_bytes()].concat();
    assert_eq!(slot(&sealed), opaque(&[("TimelockEncrypted", &[1, 2])]));
    assert_eq!(slot(&[8, 2, 9, 2, 8]), opaque(&[("Raw1", &[9]), ("Raw1", &[8])]));
}

#[test]
fn signer_payloads_and_transactions_are_the_recorded_ones() {
    let (golden, runtime) = (golden(), runtime(461));
    let case = &golden["signature_payloads"][1];
    let birth = BlockRef {
        number: BlockNumber(case["era"]["current"].as_u64().unwrap()),
        hash: case["era_birth_block_hash"].as_str().unwrap().parse().unwrap(),
    };
    let transfer = golden["calls"].as_array().unwrap().iter().find(|one| one["function"] == "transfer_keep_alive");
    let parameters = &transfer.unwrap()["params"];
    let arguments =
        [("dest", Value::unnamed_variant("Id", [value(&parameters["dest"])])), ("value", value(&parameters["value"]))];
    let call = DynamicPayload::new("Balances", "transfer_keep_alive", Composite::named(arguments));
    let payload = signable(&runtime, &call, case["nonce"].as_u64().unwrap(), birth).unwrap().signer_payload().unwrap();
    assert_eq!(payload, bytes(&case["payload_hex"]));

    let case = &golden["extrinsics"][1];
    let mut signable = signable(&runtime, &call, case["nonce"].as_u64().unwrap(), birth).unwrap();
    let account = AccountId32(bytes(&case["public_key_hex"]).try_into().unwrap());
    let signature = MultiSignature::Sr25519(bytes(&case["signature_hex"]).try_into().unwrap());
    let transaction = signable.sign_with_account_and_signature(&account, &signature).unwrap();
    assert_eq!(transaction.encoded(), bytes(&case["extrinsic_hex"]));
    assert_eq!(transaction.hash().0[..], bytes(&case["extrinsic_hash"]));
}

#[tokio::test]
async fn what_a_chain_took_as_signed_is_signed_for_us_as_well() {
    let (golden, runtime) = (golden(), runtime(461));
    let extrinsics = runtime.client().extrinsics().from_bytes(vec![bytes(&golden["signed_transaction"])]).await;
    let extrinsic = extrinsics.iter().next().unwrap().unwrap();
    let signer = Hotkey(extrinsic.address_bytes().unwrap()[1..].try_into().unwrap());
    let signature = extrinsic.signature_bytes().unwrap();
    assert_eq!(signature[0], 1, "sr25519");
    let signature = Signature(signature[1..].try_into().unwrap());
    let nonce = extrinsic.transaction_extensions().unwrap().nonce().unwrap();
    let params = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new().immortal().nonce(nonce).build();
    let transactions = runtime.client().tx();
    let call = transactions.from_call_data_bytes(extrinsic.call_data_bytes()).unwrap();
    let payload = transactions.create_signable_offline(&call, params).unwrap().signer_payload().unwrap();
    assert!(verify_transaction(&signer, &payload, &signature));
    assert!(!verify_transaction(&signer, &payload[1..], &signature));
}

#[test]
fn a_header_hashes_to_its_blocks_hash() {
    let golden = golden();
    let header: SubstrateHeader<H256> = serde_json::from_value(golden["header"].clone()).unwrap();
    let hash = Blake2b::<U32>::digest(header.encode());
    assert_eq!(hash[..], bytes(&golden["header_hash"]));
}

#[test]
fn the_time_from_block_to_block_is_the_runtimes_own() {
    let golden = golden();
    let slot = &golden["constants"][0];
    assert_eq!(slot["name"], "SlotDuration");
    assert_eq!(runtime(461).block_time_s() * 1_000.0, slot["decoded"].as_f64().unwrap());
}

#[test]
fn the_call_that_commits_weights_has_the_runtimes_form() {
    for version in [461, 419, 365] {
        let runtime = runtime(version);
        let call = super::signing::commit_weights(Netuid(7), &[1, 2, 3], 258, 4);
        let call = call_data(&runtime, &call).unwrap();
        let pallet = runtime.client().metadata_ref().pallet_by_name("SubtensorModule").unwrap();
        let index = pallet.call_variant_by_name("commit_timelocked_weights").unwrap().index;
        let expected = [pallet.call_index(), index, 7, 0, 12, 1, 2, 3, 2, 1, 0, 0, 0, 0, 0, 0, 4, 0];
        assert_eq!(call, expected);
    }
}

#[test]
fn the_calls_that_commit_and_reveal_hashes_have_the_runtimes_form() {
    let weights = WeightSubmission {
        uids: vec![Uid(0), Uid(258)],
        values: vec![65_535, 1],
        version_key: 3,
        holders: vec![],
        salt: [1, 2, 3, 4, 5, 6, 7, 772],
    };
    for version in [461, 419, 365] {
        let runtime = runtime(version);
        let pallet = runtime.client().metadata_ref().pallet_by_name("SubtensorModule").unwrap();
        let index = |name: &str| [pallet.call_index(), pallet.call_variant_by_name(name).unwrap().index];
        let commit = call_data(&runtime, &super::signing::commit_hash(Netuid(26), &[9; 32])).unwrap();
        assert_eq!(commit, [&index("commit_weights")[..], &[26, 0], &[9; 32]].concat());
        let reveal = call_data(&runtime, &super::signing::reveal_weights(Netuid(26), &weights)).unwrap();
        let expected = [
            &index("reveal_weights")[..],
            &[26, 0],
            &[2 << 2, 0, 0, 2, 1],
            &[2 << 2, 255, 255, 1, 0],
            &[8 << 2, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 4, 3],
            &[3, 0, 0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(reveal, expected.concat());
    }
}

#[test]
fn the_numbers_of_errors_are_the_runtimes_own() {
    let name = ("SubtensorModule".to_owned(), "SettingWeightsTooFast".to_owned());
    for (version, number) in [(461, 29), (419, 30)] {
        let runtime = runtime(version);
        assert_eq!(runtime.error_index(&name.0, &name.1).unwrap(), (7, number));
        assert_eq!(runtime.error_name(7, number), Some(name.clone()));
        assert_eq!(runtime.error_name(7, 255), None);
        assert_eq!(runtime.error_name(99, 0), None);
    }
}
