//! The content of commitment slots, in the pallet's own kinds of data.

use subxt::dynamic::Value;
use subxt::ext::scale_decode::{self, DecodeAsType};
use subxt::ext::scale_value::{Composite, ValueDef};

use super::super::{CommitmentData, OpaqueField};
use crate::admission::MAX_RAW_BYTES;
use crate::domain::printable;

/// Longest name of a kind that is kept.
const MAX_KIND_CHARS: usize = 60;

/// A slot, in part.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub(in crate::chain) struct Registration {
    pub(in crate::chain) block: u32,
    pub(in crate::chain) info: Info,
}

/// What was committed.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
pub(in crate::chain) struct Info {
    pub(in crate::chain) fields: Vec<Value>,
}

/// Reads a slot's fields. Plain bytes are one field `Raw0` to `Raw128` or `BigRaw`; everything else, also kinds that
/// later runtimes may add, stands as it is under its name.
pub(in crate::chain) fn content(fields: &[Value]) -> CommitmentData {
    if let [only] = fields
        && let Some(bytes) = plain_bytes(only)
    {
        return CommitmentData::Bytes(bytes);
    }
    let opaque = |field| OpaqueField { kind: printable(kind(field), MAX_KIND_CHARS), bytes: bytes_in(field) };
    CommitmentData::Opaque(fields.iter().map(opaque).collect())
}

fn kind(field: &Value) -> &str {
    match &field.value {
        ValueDef::Variant(variant) => &variant.name,
        _ => "a field of no kind",
    }
}

fn plain_bytes(field: &Value) -> Option<Vec<u8>> {
    let ValueDef::Variant(variant) = &field.value else { return None };
    let is_plain = variant.name == "BigRaw"
        || variant.name.strip_prefix("Raw").is_some_and(|length| length.parse::<usize>().is_ok());
    if !is_plain { None } else { bytes_of(&variant.values) }
}

/// The bytes of a field of any kind: its own, or those of the first of its parts that is a list of bytes.
fn bytes_in(field: &Value) -> Vec<u8> {
    let ValueDef::Variant(variant) = &field.value else { return Vec::new() };
    let part = |part: &Value| match &part.value {
        ValueDef::Composite(list) => bytes_of(list),
        _ => None,
    };
    bytes_of(&variant.values).or_else(|| variant.values.values().find_map(part)).unwrap_or_default()
}

/// The bytes of a list, however many tuples of one it is wrapped in.
fn bytes_of(list: &Composite<()>) -> Option<Vec<u8>> {
    let byte = |value: &Value| value.as_u128().and_then(|number| u8::try_from(number).ok());
    if list.len() == 1
        && let Some(ValueDef::Composite(inner)) = list.values().next().map(|value| &value.value)
    {
        return bytes_of(inner);
    }
    list.values().map(byte).collect()
}

/// The argument `info` that commits plain bytes, in the smallest kind that holds them.
pub(in crate::chain) fn plain(data: &[u8]) -> Value {
    let kind = if data.len() <= MAX_RAW_BYTES { format!("Raw{}", data.len()) } else { "BigRaw".to_owned() };
    info([Value::unnamed_variant(kind, [Value::from_bytes(data)])])
}

/// The same of other kinds, as a slot holds it: hashes, what is locked until drand's round 1, and kinds without bytes.
pub(in crate::chain) fn opaque(fields: &[OpaqueField]) -> Value {
    info(fields.iter().map(|OpaqueField { kind, bytes }| match (kind.as_str(), bytes.as_slice()) {
        ("TimelockEncrypted", bytes) => {
            let parts = [("encrypted", Value::from_bytes(bytes)), ("reveal_round", Value::u128(1))];
            Value::named_variant(kind, parts)
        }
        (_, []) => Value::unnamed_variant(kind, []),
        (_, bytes) => Value::unnamed_variant(kind, [Value::from_bytes(bytes)]),
    }))
}

fn info(fields: impl IntoIterator<Item = Value>) -> Value {
    Value::named_composite([("fields", Value::unnamed_composite(fields))])
}
