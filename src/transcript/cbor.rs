//! Deterministic CBOR (RFC 8949 §4.2.1), as much of it as transcripts use.
//!
//! Unsigned integers, byte strings, text strings, arrays, maps with text keys, booleans and null: every length definite, every
//! head in its shortest form, map keys sorted by their encoded bytes. Floating-point numbers travel as bit patterns, so no
//! rule for floats is needed. The reader accepts this one form and nothing else.

use serde_json::{Map, Value};

use super::TranscriptError;
use crate::domain::printable;

const UINT: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
const NULL: u8 = 0xf6;

/// Deepest nesting that is read. A header has 3 levels; the cap keeps hostile bytes from exhausting the stack.
const MAX_DEPTH: usize = 8;

/// Longest description of what is wrong.
const MAX_DETAIL: usize = 300;

/// Writes the head of an item: major type and argument in the shortest form.
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

/// Appends an unsigned integer.
pub(super) fn put_uint(out: &mut Vec<u8>, value: u64) {
    head(out, UINT, value);
}

/// Appends a byte string.
pub(super) fn put_bytes(out: &mut Vec<u8>, value: &[u8]) {
    head(out, BYTES, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a text string.
pub(super) fn put_text(out: &mut Vec<u8>, value: &str) {
    head(out, TEXT, value.len() as u64);
    out.extend_from_slice(value.as_bytes());
}

/// Appends a boolean.
pub(super) fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { TRUE } else { FALSE });
}

/// Appends the head of an array of `count` items.
pub(super) fn put_array(out: &mut Vec<u8>, count: usize) {
    head(out, ARRAY, count as u64);
}

/// Appends a byte string of `values` as little-endian f64 bit patterns.
pub(super) fn put_f64s(out: &mut Vec<u8>, values: &[f64]) {
    head(out, BYTES, values.len() as u64 * 8);
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a tree without floats or negative numbers.
///
/// # Panics
/// On a float or a negative number: headers and footers are ours and hold none.
pub(super) fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(value) => put_bool(out, *value),
        Value::Number(number) => put_uint(out, number.as_u64().expect("numbers in transcripts are unsigned integers")),
        Value::String(text) => put_text(out, text),
        Value::Array(items) => {
            put_array(out, items.len());
            items.iter().for_each(|item| put_value(out, item));
        }
        Value::Object(fields) => {
            head(out, MAP, fields.len() as u64);
            let mut fields: Vec<_> = fields.iter().collect();
            // The encoded key begins with its length, so bytewise order is: shorter keys first, then by their bytes.
            fields.sort_by(|(a, _), (b, _)| (a.len(), a.as_bytes()).cmp(&(b.len(), b.as_bytes())));
            for (key, value) in fields {
                put_text(out, key);
                put_value(out, value);
            }
        }
    }
}

/// Reads items one after the other; every deviation from the deterministic form is an error.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    part: &'static str,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the start.
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0, part: "header" }
    }

    /// Names the item that follows, for errors.
    pub(super) fn enter(&mut self, part: &'static str) {
        self.part = part;
    }

    /// How far it has read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// How much there is left.
    pub(super) fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// An error at the present place. `detail` may quote the file: what is not printable in it is escaped.
    pub(super) fn malformed(&self, detail: impl Into<String>) -> TranscriptError {
        TranscriptError::Malformed { part: self.part, at: self.at, detail: printable(&detail.into(), MAX_DETAIL) }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], TranscriptError> {
        if count > self.remaining() {
            return Err(TranscriptError::Truncated { part: self.part });
        }
        let taken = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(taken)
    }

    /// Whether the next item is a map, without reading it.
    pub(super) fn at_map(&self) -> Result<bool, TranscriptError> {
        let first = self.bytes.get(self.at).ok_or(TranscriptError::Truncated { part: self.part })?;
        Ok(first >> 5 == MAP)
    }

    fn head(&mut self) -> Result<(u8, u64), TranscriptError> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 0x1f);
        let (argument, smallest) = match info {
            0..=23 => (u64::from(info), 0),
            24 => (u64::from(self.take(1)?[0]), 24),
            25 => (u64::from(u16::from_be_bytes(self.array_of()?)), 0x100),
            26 => (u64::from(u32::from_be_bytes(self.array_of()?)), 0x1_0000),
            27 => (u64::from_be_bytes(self.array_of()?), 0x1_0000_0000),
            _ => return Err(self.malformed("a length that is not definite")),
        };
        if argument < smallest {
            return Err(self.malformed("a number or length that is not in its shortest form"));
        }
        Ok((major, argument))
    }

    fn array_of<const N: usize>(&mut self) -> Result<[u8; N], TranscriptError> {
        Ok(self.take(N)?.try_into().expect("took N bytes"))
    }

    fn expect(&mut self, major: u8, name: &str) -> Result<u64, TranscriptError> {
        match self.head()? {
            (found, argument) if found == major => Ok(argument),
            (found, _) => Err(self.malformed(format!("expected {name}, found major type {found}"))),
        }
    }

    /// A length as the items that can really follow.
    fn length(&self, argument: u64) -> Result<usize, TranscriptError> {
        match usize::try_from(argument) {
            Ok(length) if length <= self.remaining() => Ok(length),
            _ => Err(TranscriptError::Truncated { part: self.part }),
        }
    }

    /// An unsigned integer.
    pub(super) fn uint(&mut self) -> Result<u64, TranscriptError> {
        self.expect(UINT, "an unsigned integer")
    }

    /// An unsigned integer of 32 bits.
    pub(super) fn u32(&mut self) -> Result<u32, TranscriptError> {
        let value = self.uint()?;
        u32::try_from(value).map_err(|_| self.malformed(format!("{value} does not fit 32 bits")))
    }

    /// A boolean.
    pub(super) fn bool(&mut self) -> Result<bool, TranscriptError> {
        match self.take(1)?[0] {
            FALSE => Ok(false),
            TRUE => Ok(true),
            _ => Err(self.malformed("expected true or false")),
        }
    }

    /// A byte string.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8], TranscriptError> {
        let length = self.expect(BYTES, "a byte string")?;
        let length = self.length(length)?;
        self.take(length)
    }

    /// A byte string of exactly N bytes.
    pub(super) fn bytes_of<const N: usize>(&mut self) -> Result<[u8; N], TranscriptError> {
        let bytes = self.bytes()?;
        bytes.try_into().map_err(|_| self.malformed(format!("expected {N} bytes, found {}", bytes.len())))
    }

    /// A byte string of little-endian f64 bit patterns.
    pub(super) fn f64s(&mut self) -> Result<Vec<f64>, TranscriptError> {
        let (values, rest) = self.bytes()?.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(self.malformed("the length of a list of doubles is no multiple of 8"));
        }
        Ok(values.iter().map(|bits| f64::from_le_bytes(*bits)).collect())
    }

    /// A text string.
    pub(super) fn text(&mut self) -> Result<&'a str, TranscriptError> {
        let length = self.expect(TEXT, "a text string")?;
        let length = self.length(length)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| self.malformed("text that is not UTF-8"))
    }

    /// The head of an array; the number of its items.
    pub(super) fn array(&mut self) -> Result<usize, TranscriptError> {
        let count = self.expect(ARRAY, "an array")?;
        self.length(count)
    }

    /// The next item is an unsigned integer (true) or a byte string (false), without reading it.
    pub(super) fn at_uint(&self) -> Result<bool, TranscriptError> {
        let first = self.bytes.get(self.at).ok_or(TranscriptError::Truncated { part: self.part })?;
        Ok(first >> 5 == UINT)
    }

    /// A whole tree.
    pub(super) fn value(&mut self) -> Result<Value, TranscriptError> {
        self.value_at_depth(0)
    }

    fn value_at_depth(&mut self, depth: usize) -> Result<Value, TranscriptError> {
        if depth > MAX_DEPTH {
            return Err(self.malformed("nested too deep"));
        }
        match self.bytes.get(self.at) {
            None => return Err(TranscriptError::Truncated { part: self.part }),
            Some(&FALSE) | Some(&TRUE) => return self.bool().map(Value::Bool),
            Some(&NULL) => {
                self.at += 1;
                return Ok(Value::Null);
            }
            Some(_) => {}
        }
        let start = self.at;
        let (major, argument) = self.head()?;
        match major {
            UINT => Ok(Value::from(argument)),
            TEXT => {
                self.at = start;
                Ok(Value::from(self.text()?))
            }
            ARRAY => {
                let count = self.length(argument)?;
                (0..count).map(|_| self.value_at_depth(depth + 1)).collect()
            }
            MAP => self.map(argument, depth).map(Value::Object),
            _ => Err(self.malformed(format!("an item of major type {major} has no place here"))),
        }
    }

    fn map(&mut self, count: u64, depth: usize) -> Result<Map<String, Value>, TranscriptError> {
        let count = self.length(count)?;
        let mut fields = Map::new();
        let mut last: Option<&str> = None;
        for _ in 0..count {
            let key = self.text()?;
            if last.is_some_and(|last| (key.len(), key.as_bytes()) <= (last.len(), last.as_bytes())) {
                return Err(self.malformed("map keys that are repeated or not in order"));
            }
            last = Some(key);
            fields.insert(key.to_owned(), self.value_at_depth(depth + 1)?);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn encoded(value: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        put_value(&mut out, value);
        out
    }

    #[test]
    fn heads_are_the_shortest_of_rfc_8949_appendix_a() {
        for (value, hex) in [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (100, "1864"),
            (1000, "1903e8"),
            (1_000_000, "1a000f4240"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (u64::MAX, "1bffffffffffffffff"),
        ] {
            assert_eq!(hex::encode(encoded(&Value::from(value))), hex);
        }
    }

    #[test]
    fn trees_round_trip_with_keys_in_bytewise_order() {
        let tree = json!({"bb": [1, true, null], "a": {"z": "text", "y": false}, "c": 3});
        let bytes = encoded(&tree);
        assert_eq!(hex::encode(&bytes), "a36161a26179f4617a647465787461630362626283 01f5f6".replace(' ', ""));
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.value().unwrap(), tree);
        assert_eq!(reader.remaining(), 0);
    }

    #[test]
    fn every_other_form_is_refused() {
        for (hex, why) in [
            ("1817", "shortest"),
            ("190018", "shortest"),
            ("1b00000000ffffffff", "shortest"),
            ("9fff", "definite"),
            ("5f4100ff", "definite"),
            ("a2616200616100", "order"),
            ("a2616100616100", "order"),
            ("a10000", "expected a text"),
            ("20", "no place"),
            ("f93c00", "no place"),
            ("c000", "no place"),
            ("61ff", "UTF-8"),
            ("818181818181818181818100", "deep"),
        ] {
            let bytes = hex::decode(hex).unwrap();
            let error = Reader::new(&bytes).value().unwrap_err().to_string();
            assert!(error.contains(why), "{hex}: {error}");
        }
        for hex in ["", "18", "6261", "9bffffffffffffffff", "bb00000000ffffffff", "7bffffffffffffffff"] {
            let bytes = hex::decode(hex).unwrap();
            assert!(Reader::new(&bytes).value().is_err(), "{hex}");
        }
    }
}
