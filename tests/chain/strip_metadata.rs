//! Makes the fixtures beside it from what the Python package `bittensor` recorded; `fixtures/README.md` says how.
//!
//! Usage: `cargo run --example strip_metadata -- GOLDEN_JSON FINNEY_SCALE FOLDER`.

#[path = "from_v16.rs"]
mod from_v16;

use std::fs;
use std::path::Path;

use frame_metadata::v15::RuntimeMetadataV15;
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use scale_info::{PortableRegistry, TypeDef, form::PortableForm};
use serde_json::{Value, json};
use subxt::ext::codec::{Decode, Encode};
use subxt::ext::frame_metadata;
use subxt_utils_stripmetadata::StripMetadata;

/// The pallets that are used, and Balances because the recorded signer payloads are of transfers.
const PALLETS: [&str; 6] = ["System", "Balances", "Aura", "SubtensorModule", "Commitments", "Drand"];
/// The runtime calls that are used.
const APIS: [(&str, &[&str]); 2] =
    [("SubnetInfoRuntimeApi", &["get_subnet_state"]), ("AccountNonceApi", &["account_nonce"])];

/// The main network's version when its metadata was recorded.
const FINNEY_VERSION: u32 = 365;

/// The version that the derived fixture claims to be, and names of its types that were others then.
const OLDER_VERSION: u32 = 419;
const OLDER_NAMES: [(&str, &str); 3] =
    [("NetUid", "NetUidV1"), ("TaoBalance", "TaoCurrency"), ("AlphaBalance", "AlphaCurrency")];

/// Best and slowest of the levels that need no special window.
const ZSTD_LEVEL: i32 = 19;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [golden, finney, folder] = arguments.as_slice() else {
        panic!("usage: strip_metadata GOLDEN_JSON FINNEY_SCALE FOLDER")
    };
    let golden: Value = serde_json::from_slice(&fs::read(golden).expect("the golden file")).expect("JSON");
    let folder = Path::new(folder);
    let mut of_finney = read_finney(&fs::read(finney).expect("the main network's metadata"));
    strip(&mut of_finney);
    write_metadata(&folder.join(format!("metadata-{FINNEY_VERSION}.scale.zst")), &of_finney);
    let version = golden["network"]["spec_version"].as_u64().expect("a spec version");

    let mut metadata = read_metadata(&golden);
    strip(&mut metadata);
    write_metadata(Path::new(&format!("src/chain/dev/rpc/metadata-{version}.scale.zst")), &metadata);
    make_older(&mut metadata);
    write_metadata(&folder.join(format!("metadata-{OLDER_VERSION}.scale.zst")), &metadata);
    let text = serde_json::to_string_pretty(&kept_vectors(&golden)).expect("JSON");
    fs::write(folder.join("golden.json"), text + "\n").expect("the folder is writable");
}

fn read_metadata(golden: &Value) -> RuntimeMetadataV15 {
    let text = golden["metadata"]["v15_hex"].as_str().expect("metadata of version 15");
    let bytes = hex::decode(&text[2..]).expect("hexadecimal digits");
    let opaque = Option::<Vec<u8>>::decode(&mut &bytes[..]).expect("an optional byte string").expect("some metadata");
    match RuntimeMetadataPrefixed::decode(&mut &opaque[..]).expect("metadata").1 {
        RuntimeMetadata::V15(metadata) => metadata,
        _ => panic!("not metadata of version 15"),
    }
}

fn read_finney(bytes: &[u8]) -> RuntimeMetadataV15 {
    match RuntimeMetadataPrefixed::decode(&mut &bytes[..]).expect("metadata").1 {
        RuntimeMetadata::V16(metadata) => from_v16::from_v16(metadata),
        _ => panic!("not metadata of version 16"),
    }
}

fn write_metadata(path: &Path, metadata: &RuntimeMetadataV15) {
    let prefixed = RuntimeMetadataPrefixed(u32::from_le_bytes(*b"meta"), RuntimeMetadata::V15(metadata.clone()));
    let bytes = zstd::encode_all(&prefixed.encode()[..], ZSTD_LEVEL).expect("memory");
    println!("{}: {} bytes", path.display(), bytes.len());
    fs::write(path, bytes).expect("the folder is writable");
}

/// Drops pallets, runtime calls, documentation and the types that nothing needs then.
fn strip(metadata: &mut RuntimeMetadataV15) {
    let pallets: Vec<String> = PALLETS.map(str::to_owned).into();
    for id in [
        metadata.outer_enums.call_enum_ty.id,
        metadata.outer_enums.event_enum_ty.id,
        metadata.outer_enums.error_enum_ty.id,
    ] {
        if let TypeDef::Variant(outer) = &mut metadata.types.types[id as usize].ty.type_def {
            outer.variants.retain(|variant| pallets.contains(&variant.name));
        }
    }
    for api in &mut metadata.apis {
        api.docs.clear();
        let kept = APIS.iter().find(|(name, _)| *name == api.name).map_or(&[][..], |(_, methods)| methods);
        api.methods.retain(|method| kept.contains(&method.name.as_str()));
        api.methods.iter_mut().for_each(|method| method.docs.clear());
    }
    for pallet in &mut metadata.pallets {
        pallet.docs.clear();
        pallet.constants.iter_mut().for_each(|constant| constant.docs.clear());
        let entries = pallet.storage.iter_mut().flat_map(|storage| storage.entries.iter_mut());
        entries.for_each(|entry| entry.docs.clear());
    }
    strip_type_docs(&mut metadata.types);
    metadata.strip_metadata(|pallet| PALLETS.contains(&pallet), |api| APIS.iter().any(|(name, _)| *name == api));
}

fn strip_type_docs(types: &mut PortableRegistry) {
    for entry in &mut types.types {
        entry.ty.docs.clear();
        let strip_fields = |fields: &mut Vec<scale_info::Field<PortableForm>>| {
            fields.iter_mut().for_each(|field| field.docs.clear());
        };
        match &mut entry.ty.type_def {
            TypeDef::Composite(composite) => strip_fields(&mut composite.fields),
            TypeDef::Variant(variants) => variants.variants.iter_mut().for_each(|variant| {
                variant.docs.clear();
                strip_fields(&mut variant.fields);
            }),
            _ => {}
        }
    }
}

/// Makes of the metadata what an older runtime could have served: other names of types, other numbers of errors.
fn make_older(metadata: &mut RuntimeMetadataV15) {
    let errors: Vec<u32> =
        metadata.pallets.iter().filter_map(|pallet| pallet.error.as_ref()).map(|e| e.ty.id).collect();
    for (id, entry) in metadata.types.types.iter_mut().enumerate() {
        for segment in &mut entry.ty.path.segments {
            if let Some((_, older)) = OLDER_NAMES.iter().find(|(name, _)| name == segment) {
                *segment = (*older).to_owned();
            }
        }
        if let (true, TypeDef::Variant(variants)) = (errors.contains(&(id as u32)), &mut entry.ty.type_def) {
            variants.variants.iter_mut().for_each(|variant| variant.index += 1);
        }
    }
    let system = metadata.pallets.iter_mut().find(|pallet| pallet.name == "System").expect("System");
    let version = system.constants.iter_mut().find(|constant| constant.name == "Version").expect("Version");
    let names = <(String, String, u32)>::decode(&mut &version.value[..]).expect("a runtime version").encode().len();
    version.value[names..names + 4].copy_from_slice(&OLDER_VERSION.to_le_bytes());
}

/// The golden vectors of the pallets that are kept.
fn kept_vectors(golden: &Value) -> Value {
    let of_kept = |list: &str, key: &str| -> Vec<Value> {
        let all = golden[list].as_array().expect("a list");
        all.iter().filter(|one| one[key].as_str().is_some_and(|name| PALLETS.contains(&name))).cloned().collect()
    };
    json!({
        "network": golden["network"],
        "storage_keys": of_kept("storage_keys", "pallet"),
        "storage_values": of_kept("storage_values", "pallet"),
        "query_maps": of_kept("query_maps", "pallet"),
        "calls": of_kept("calls", "module"),
        "constants": of_kept("constants", "module").into_iter().filter(|one| one["module"] == "Aura").collect::<Vec<_>>(),
        "signature_payloads": golden["signature_payloads"],
        "extrinsics": golden["extrinsics"],
        "signed_transaction": golden["block"]["raw"]["block"]["extrinsics"][2],
        "header": golden["block"]["raw"]["block"]["header"],
        "header_hash": golden["block"]["block_hash"],
    })
}
