//! How a transaction ended, from the events of its block.

use subxt::dynamic::{At, Value};
use subxt::ext::scale_decode::{self, DecodeAsType};
use subxt::ext::scale_value::ValueDef;

use super::super::ChainError;
use super::link::SHOWN_CHARS;
use super::names::EVENTS;
use super::runtime::unreadable;
use super::state::State;
use crate::domain::printable;

#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "scale_decode")]
struct EventRecord {
    phase: Value,
    event: Value,
}

/// How an extrinsic of a block ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    /// In an error of a pallet: its number and the error's.
    InError(u8, u8),
    /// In another error, by its name.
    Otherwise(String),
}

impl State {
    /// How the extrinsic at this place of the block ended.
    pub(super) async fn ended(&self, place: u32) -> Result<Ended, ChainError> {
        let events: Vec<EventRecord> = self.needed(EVENTS, vec![]).await?;
        for record in &events {
            if record.phase.at(0).and_then(Value::as_u128) != Some(place.into()) {
                continue;
            }
            let Some((pallet, event)) = variant(&record.event) else { continue };
            let Some((event, fields)) = event.at(0).and_then(variant).filter(|_| pallet == "System") else { continue };
            match event {
                "ExtrinsicSuccess" => return Ok(Ended::Well),
                "ExtrinsicFailed" => {
                    let error = fields.at("dispatch_error").or_else(|| fields.at(0));
                    return error.map(how).ok_or_else(|| unreadable("a failure without its error"));
                }
                _ => {}
            }
        }
        Err(unreadable("a block without the outcome of one of its transactions"))
    }
}

fn variant(value: &Value) -> Option<(&str, &Value)> {
    match &value.value {
        ValueDef::Variant(variant) => Some((variant.name.as_str(), value)),
        _ => None,
    }
}

fn how(error: &Value) -> Ended {
    let name = variant(error).map_or("an error without a name", |(name, _)| name);
    let module = error.at(0).filter(|_| name == "Module");
    let number = |value: Option<&Value>| value.and_then(Value::as_u128).and_then(|number| u8::try_from(number).ok());
    match module.map(|module| (number(module.at("index")), number(module.at("error").and_then(|bytes| bytes.at(0))))) {
        Some((Some(pallet), Some(error))) => Ended::InError(pallet, error),
        _ => Ended::Otherwise(printable(name, SHOWN_CHARS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_read_by_their_numbers_and_other_ones_shown_by_safe_names() {
        let bytes = Value::unnamed_composite([9, 0, 0, 0].map(Value::u128));
        let module = Value::named_composite([("index", Value::u128(7)), ("error", bytes)]);
        assert_eq!(how(&Value::unnamed_variant("Module", [module])), Ended::InError(7, 9));
        let named = how(&Value::unnamed_variant("a\u{1b}[2Jb\nc\u{202e}", []));
        assert_eq!(named, Ended::Otherwise("a\\u{1b}[2Jb\\u{a}c\\u{202e}".into()));
    }
}
