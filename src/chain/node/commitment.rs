//! The content of commitment slots, in the pallet's own kinds of data.

use subxt::dynamic::Value;
use subxt::ext::scale_decode::{self, DecodeAsType};
use subxt::ext::scale_value::{Composite, ValueDef};

use super::super::CommitmentData;
use crate::admission::MAX_RAW_BYTES;

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
/// later runtimes may add, goes by its name.
pub(in crate::chain) fn content(fields: &[Value]) -> CommitmentData {
    if let [only] = fields
        && let Some(bytes) = plain_bytes(only)
    {
        return CommitmentData::Bytes(bytes);
    }
    let names: Vec<&str> = fields.iter().map(kind).collect();
    CommitmentData::Opaque(if names.is_empty() { "nothing".into() } else { names.join(", ") })
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
    let field = Value::unnamed_variant(kind, [Value::from_bytes(data)]);
    Value::named_composite([("fields", Value::unnamed_composite([field]))])
}
