//! What miners and operators write into their commitment slot, read strictly and never guessed.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Reason, ReasonCode};
use crate::domain::{CycleId, Digest};

/// What fits the chain's plain `Raw` field.
pub const MAX_RAW_BYTES: usize = 128;
/// What fits the chain's `BigRaw` field, and the most that is read.
pub const MAX_COMMITMENT_BYTES: usize = 512;

/// The short names of a claim's fields, which are written; and the long ones, which are read too.
const FIELDS: [[&str; 3]; 2] = [["m", "r", "c"], ["model", "revision", "chute_id"]];
/// The field that says that a commitment is something else than a claim.
const KIND_FIELD: &str = "t";
/// The kind of an operator's log entry.
const LOG_KIND: &str = "log";

/// A claim's three texts as they were committed, not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimText {
    /// Model repository.
    pub repo: String,
    /// Revision of the repository.
    pub revision: String,
    /// Where the policy runs.
    pub deployment: String,
}

/// What a commitment says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A miner's claim.
    Claim(ClaimText),
    /// An operator's entry: the digest of the manifest of a cycle.
    Log {
        /// The cycle.
        cycle: CycleId,
        /// Digest of its manifest.
        digest: Digest,
    },
    /// Something of another kind, which is none of our business: it is ignored, not refused.
    Foreign,
}

/// Reads the bytes of a commitment.
///
/// A claim is one JSON object with exactly the fields `m`, `r`, `c`, or exactly `model`, `revision`, `chute_id`, all
/// text. An object with a field `t` is of another kind.
///
/// # Errors
/// The reason why the bytes are no commitment of ours.
pub fn read_commitment(data: &[u8]) -> Result<Payload, Reason> {
    let text = readable_text(data)?;
    let refuse = |code, sentence: String| Err(Reason::new(code, sentence, text));
    let fields: Fields = match serde_json::from_str(text) {
        Ok(fields) => fields,
        Err(error) => {
            let sentence =
                format!("The commitment is not one JSON object such as {{\"m\":…,\"r\":…,\"c\":…}}: {error}.");
            return refuse(ReasonCode::CommitmentNotJson, sentence);
        }
    };
    if let Some(name) = fields.repeated {
        return refuse(ReasonCode::CommitmentRepeatedField, format!("The field {name:?} stands twice."));
    }
    let fields = fields.values;
    if let Some(kind) = fields.get(KIND_FIELD) {
        return Ok(read_log(kind, &fields).unwrap_or(Payload::Foreign));
    }
    // The long names hold only where none of the short ones occurs.
    let names = if FIELDS[0].iter().any(|name| fields.contains_key(*name)) { FIELDS[0] } else { FIELDS[1] };
    if let Some(name) = fields.keys().find(|name| !names.contains(&name.as_str())) {
        let known = FIELDS.iter().any(|names| names.contains(&name.as_str()));
        let hint =
            if known { "use either m, r, c or model, revision, chute_id" } else { "a claim has m, r and c only" };
        return refuse(
            ReasonCode::CommitmentUnknownField,
            format!("The field {name:?} does not belong there; {hint}."),
        );
    }
    let mut texts = Vec::with_capacity(names.len());
    for (name, short) in names.iter().zip(FIELDS[0]) {
        match fields.get(*name) {
            Some(Value::String(value)) => texts.push(value.clone()),
            Some(_) => return refuse(ReasonCode::CommitmentWrongType, format!("The field {name:?} must be text.")),
            None => {
                let sentence = format!("The field {name:?} is missing; a claim needs m, r and c (here {short:?}).");
                return refuse(ReasonCode::CommitmentMissingField, sentence);
            }
        }
    }
    let [repo, revision, deployment]: [String; 3] = texts.try_into().expect("three names give three texts");
    Ok(Payload::Claim(ClaimText { repo, revision, deployment }))
}

fn readable_text(data: &[u8]) -> Result<&str, Reason> {
    if data.is_empty() {
        return Err(Reason::new(ReasonCode::CommitmentEmpty, "The commitment is empty; commit a claim.", ""));
    }
    if data.len() > MAX_COMMITMENT_BYTES {
        let sentence = format!("The commitment has {} bytes; a claim has at most {MAX_COMMITMENT_BYTES}.", data.len());
        return Err(Reason::new(ReasonCode::CommitmentTooLong, sentence, ""));
    }
    std::str::from_utf8(data).map_err(|_| {
        let shown = hex::encode(&data[..data.len().min(16)]);
        Reason::new(ReasonCode::CommitmentNotText, "The commitment is not UTF-8 text; commit JSON.", &shown)
    })
}

/// A log entry; `None` for any other kind, and for an entry that is not exactly one.
fn read_log(kind: &Value, fields: &BTreeMap<String, Value>) -> Option<Payload> {
    if kind != LOG_KIND || fields.len() != 3 {
        return None;
    }
    let cycle = CycleId(fields.get("c")?.as_u64()?);
    let digest = fields.get("h")?.as_str()?.parse().ok()?;
    Some(Payload::Log { cycle, digest })
}

/// The bytes of a claim to commit: `{"m":repo,"r":revision,"c":deployment}`. Up to [`MAX_RAW_BYTES`] they fit a
/// `Raw` field, above it a `BigRaw` one.
///
/// # Errors
/// [`ReasonCode::CommitmentTooLong`] when they fit neither.
pub fn encode_claim(claim: &ClaimText) -> Result<Vec<u8>, Reason> {
    let text = |value: &String| serde_json::to_string(value).expect("text is always JSON");
    let [repo, revision, deployment] = [&claim.repo, &claim.revision, &claim.deployment].map(text);
    let json = format!("{{\"m\":{repo},\"r\":{revision},\"c\":{deployment}}}");
    if json.len() > MAX_COMMITMENT_BYTES {
        let sentence = format!(
            "The claim has {} bytes and the chain takes {MAX_COMMITMENT_BYTES}; use a shorter repository or deployment.",
            json.len()
        );
        return Err(Reason::new(ReasonCode::CommitmentTooLong, sentence, &json));
    }
    Ok(json.into_bytes())
}

/// The fields of a JSON object, and the first name that stands twice.
struct Fields {
    values: BTreeMap<String, Value>,
    repeated: Option<String>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields { values: BTreeMap::new(), repeated: None };
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if fields.values.insert(name.clone(), value).is_some() {
                        fields.repeated.get_or_insert(name);
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(FieldsVisitor).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA: &str = "0123456789abcdef0123456789abcdef01234567";

    fn claim() -> ClaimText {
        ClaimText { repo: "alice/policy".into(), revision: SHA.into(), deployment: "alice-policy".into() }
    }

    fn code(text: &str) -> ReasonCode {
        read_commitment(text.as_bytes()).unwrap_err().code
    }

    #[test]
    fn a_claim_round_trips_and_fits_the_plain_field() {
        let bytes = encode_claim(&claim()).unwrap();
        assert_eq!(bytes, format!(r#"{{"m":"alice/policy","r":"{SHA}","c":"alice-policy"}}"#).as_bytes());
        assert!(bytes.len() <= MAX_RAW_BYTES);
        assert_eq!(read_commitment(&bytes), Ok(Payload::Claim(claim())));
    }

    #[test]
    fn the_long_names_are_read_too_but_not_mixed() {
        let long = format!(r#"{{"model":"alice/policy","revision":"{SHA}","chute_id":"alice-policy"}}"#);
        assert_eq!(read_commitment(long.as_bytes()), Ok(Payload::Claim(claim())));
        assert_eq!(code(&long.replace("model", "m")), ReasonCode::CommitmentUnknownField);
    }

    #[test]
    fn an_operators_log_entry_is_read() {
        let (cycle, digest) = (CycleId(u64::MAX), Digest::of(b"manifest"));
        let text = format!(r#"{{"t":"log","c":{cycle},"h":"{digest}"}}"#);
        assert_eq!(read_commitment(text.as_bytes()), Ok(Payload::Log { cycle, digest }));
    }

    #[test]
    fn other_kinds_are_ignored() {
        for text in [r#"{"t":"chat","x":1}"#, r#"{"t":7}"#, r#"{"t":"log","c":-1,"h":"00"}"#, r#"{"t":"x","m":"a/b"}"#]
        {
            assert_eq!(read_commitment(text.as_bytes()), Ok(Payload::Foreign), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_its_reason() {
        assert_eq!(code(""), ReasonCode::CommitmentEmpty);
        assert_eq!(code(&" ".repeat(513)), ReasonCode::CommitmentTooLong);
        assert_eq!(read_commitment(&[0xff, 0xfe]).unwrap_err().code, ReasonCode::CommitmentNotText);
        for text in ["alice/policy:0123:chute", "[]", "7", "{", "{} {}", "null", "\"m\"", "{\"m\":NaN}"] {
            assert_eq!(code(text), ReasonCode::CommitmentNotJson, "{text}");
        }
        assert_eq!(code(r#"{"m":"a/b","m":"c/d","r":"x","c":"y"}"#), ReasonCode::CommitmentRepeatedField);
        assert_eq!(code(r#"{"m":"a/b","r":"x","c":"y","z":1}"#), ReasonCode::CommitmentUnknownField);
        assert_eq!(code(r#"{"m":"a/b","r":"x"}"#), ReasonCode::CommitmentMissingField);
        assert_eq!(code("{}"), ReasonCode::CommitmentMissingField);
        assert_eq!(code(r#"{"m":"a/b","r":1,"c":"y"}"#), ReasonCode::CommitmentWrongType);
        assert_eq!(code(&format!("{{\"m\":{}", "[".repeat(500))), ReasonCode::CommitmentNotJson);
    }

    #[test]
    fn a_claim_that_fits_nowhere_is_not_encoded() {
        let long = ClaimText { repo: "a".repeat(512), ..claim() };
        assert_eq!(encode_claim(&long).unwrap_err().code, ReasonCode::CommitmentTooLong);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(data in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = read_commitment(&data);
        }

        #[test]
        fn no_text_that_looks_like_json_makes_the_reader_panic(text in "[\\[\\]{}\":,mrct0-9eE+.\\\\u \u{0}-\u{1f}]{0,200}") {
            if let Err(reason) = read_commitment(text.as_bytes()) {
                prop_assert!(reason.evidence.chars().all(|c| !c.is_control()));
            }
        }

        #[test]
        fn every_claim_is_read_as_it_was_written(repo in ".{0,30}", revision in ".{0,30}", deployment in ".{0,30}") {
            let claim = ClaimText { repo, revision, deployment };
            if let Ok(bytes) = encode_claim(&claim) {
                prop_assert_eq!(read_commitment(&bytes), Ok(Payload::Claim(claim)));
            }
        }
    }
}
