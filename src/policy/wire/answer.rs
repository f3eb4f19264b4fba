//! Reading an action out of bytes from a stranger.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::WireEncoding;

/// Deepest nesting of an answer. `{"action":[…]}` needs two levels; the rest is for keys we do not know.
const MAX_DEPTH: usize = 16;

/// Reads `{"action":[dx,dy,dz,gripper]}`: exactly four finite numbers, of number type (no strings, booleans or
/// nulls). Other keys are skipped; a repeated `action`, bytes behind the answer, NaN, infinities and numbers
/// beyond f64 are refused. Takes time and memory proportional to `body`, which the caller has capped.
///
/// Returns `None` for anything else: why an answer is malformed is the miner's to find out.
pub fn decode_action(encoding: WireEncoding, body: &[u8]) -> Option<[f64; 4]> {
    let action = match encoding {
        WireEncoding::Json => decode_json(body)?,
        WireEncoding::Msgpack => decode_msgpack(body)?,
    };
    action.iter().all(|value| value.is_finite()).then_some(action)
}

fn decode_json(body: &[u8]) -> Option<[f64; 4]> {
    if json_depth(body) > MAX_DEPTH {
        return None;
    }
    // Skipped strings are not checked by the parser.
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let action = reader.deserialize_map(AnswerVisitor).ok()?;
    reader.end().ok()?;
    Some(action)
}

fn decode_msgpack(body: &[u8]) -> Option<[f64; 4]> {
    let mut reader = rmp_serde::Deserializer::new(std::io::Cursor::new(body));
    reader.set_max_depth(MAX_DEPTH);
    let action = reader.deserialize_any(AnswerVisitor).ok()?;
    (reader.get_ref().position() == body.len() as u64).then_some(action)
}

/// Deepest nesting of brackets outside strings; for malformed JSON an upper bound of what a parser would see.
fn json_depth(body: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

struct AnswerVisitor;

impl<'de> Visitor<'de> for AnswerVisitor {
    type Value = [f64; 4];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map with `action`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<[f64; 4], A::Error> {
        let mut action = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Action if action.is_some() => return Err(de::Error::duplicate_field("action")),
                Key::Action => action = Some(map.next_value::<FourNumbers>()?.0),
                Key::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        action.ok_or_else(|| de::Error::missing_field("action"))
    }
}

enum Key {
    Action,
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string as key")
            }
            fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
                Ok(if key == "action" { Key::Action } else { Key::Other })
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

struct FourNumbers([f64; 4]);

impl<'de> Deserialize<'de> for FourNumbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FourNumbers, D::Error> {
        struct SeqOfFour;
        impl<'de> Visitor<'de> for SeqOfFour {
            type Value = FourNumbers;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of four numbers")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<FourNumbers, A::Error> {
                let mut values = [0.0; 4];
                for (index, value) in values.iter_mut().enumerate() {
                    let number = seq.next_element::<Number>()?;
                    *value = number.ok_or_else(|| de::Error::invalid_length(index, &self))?.0;
                }
                match seq.next_element::<IgnoredAny>()? {
                    None => Ok(FourNumbers(values)),
                    Some(_) => Err(de::Error::invalid_length(5, &self)),
                }
            }
        }
        deserializer.deserialize_seq(SeqOfFour)
    }
}

struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct NumberVisitor;
        impl Visitor<'_> for NumberVisitor {
            type Value = Number;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_f64<E>(self, value: f64) -> Result<Number, E> {
                Ok(Number(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Number, E> {
                Ok(Number(value as f64))
            }
        }
        deserializer.deserialize_any(NumberVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encode_action;
    use super::{WireEncoding, decode_action};

    fn json(body: &str) -> Option<[f64; 4]> {
        decode_action(WireEncoding::Json, body.as_bytes())
    }

    #[test]
    fn four_numbers_of_any_number_type_are_an_action() {
        assert_eq!(json(r#"{"action":[0.1,-2,3e-1,1]}"#), Some([0.1, -2.0, 0.3, 1.0]));
        assert_eq!(
            json(r#" {"note":{"a":[[1]]},"action":[1e308,-1e308,0,-0.0],"t":"]}"} "#),
            Some([1e308, -1e308, 0.0, -0.0])
        );
        assert_eq!(json(r#"{"\u0061ction":[1,2,3,4]}"#), Some([1.0, 2.0, 3.0, 4.0]));
    }

    #[test]
    fn everything_else_is_malformed() {
        for body in [
            "",
            "null",
            "[1,2,3,4]",
            "{}",
            r#"{"action":null}"#,
            r#"{"action":[]}"#,
            r#"{"action":[1,2,3]}"#,
            r#"{"action":[1,2,3,4,5]}"#,
            r#"{"action":[[1,2,3,4]]}"#,
            r#"{"action":{"0":1}}"#,
            r#"{"action":["1",2,3,4]}"#,
            r#"{"action":[true,2,3,4]}"#,
            r#"{"action":[null,2,3,4]}"#,
            r#"{"action":[NaN,0,0,0]}"#,
            r#"{"action":[Infinity,0,0,0]}"#,
            r#"{"action":[-Infinity,0,0,0]}"#,
            r#"{"action":[1e999,0,0,0]}"#,
            r#"{"action":[01,0,0,0]}"#,
            r#"{"action":[+1,0,0,0]}"#,
            r#"{"action":[0x1,0,0,0]}"#,
            r#"{"action":[1,2,3,4],"action":[1,2,3,4]}"#,
            r#"{"action":[1,2,3,4]}x"#,
            r#"{"action":[1,2,3,4]"#,
            r#"{"Action":[1,2,3,4]}"#,
            r#"{"action":"[1,2,3,4]"}"#,
            r#"{"action":[1,2,3,4],}"#,
        ] {
            assert_eq!(json(body), None, "{body}");
        }
        assert_eq!(decode_action(WireEncoding::Json, b"{\"action\":[1,2,3,4],\"x\":\"\xff\xfe\"}"), None, "not UTF-8");
    }

    #[test]
    fn deep_nesting_is_refused_before_it_is_parsed() {
        let deep = format!(r#"{{"action":[1,2,3,4],"x":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(json(&deep), None);
        let mut packed = vec![0x81, 0xa1, b'x'];
        packed.extend(std::iter::repeat_n(0x91, 60_000));
        packed.push(0xc0);
        assert_eq!(decode_action(WireEncoding::Msgpack, &packed), None);
    }

    #[test]
    fn msgpack_numbers_of_any_width_are_an_action() {
        let mut body = vec![0x81, 0xa6];
        body.extend(b"action");
        body.extend([0x94, 0xca, 0x3f, 0, 0, 0, 0xff, 0xcc, 200, 0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decode_action(WireEncoding::Msgpack, &body), Some([0.5, -1.0, 200.0, 0.5]));
        body.push(0xc0);
        assert_eq!(decode_action(WireEncoding::Msgpack, &body), None, "bytes behind the answer");
    }

    #[test]
    fn msgpack_of_wrong_types_is_malformed() {
        let with = |values: &[u8]| {
            let mut body = vec![0x81, 0xa6];
            body.extend(b"action");
            body.extend(values);
            decode_action(WireEncoding::Msgpack, &body)
        };
        assert_eq!(with(&[0x94, 1, 2, 3, 4]), Some([1.0, 2.0, 3.0, 4.0]));
        assert_eq!(with(&[0x93, 1, 2, 3]), None);
        assert_eq!(with(&[0x95, 1, 2, 3, 4, 5]), None);
        assert_eq!(with(&[0x94, 0xc3, 2, 3, 4]), None, "a boolean");
        assert_eq!(with(&[0x94, 0xc0, 2, 3, 4]), None, "nil");
        assert_eq!(with(&[0x94, 0xa1, b'1', 2, 3, 4]), None, "a string");
        assert_eq!(with(&[0x94, 0xca, 0x7f, 0xc0, 0, 0, 2, 3, 4]), None, "NaN");
        assert_eq!(with(&[0x94, 0xca, 0x7f, 0x80, 0, 0, 2, 3, 4]), None, "infinity");
        assert_eq!(with(&[0xdd, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]), None, "a length that lies");
        assert_eq!(with(&[0xc6, 0xff, 0xff, 0xff, 0xff]), None, "bytes that are not there");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for encoding in [WireEncoding::Json, WireEncoding::Msgpack] {
                let _ = decode_action(encoding, &bytes);
            }
        }

        #[test]
        fn finite_actions_round_trip_exactly(action in proptest::array::uniform4(proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::SUBNORMAL)) {
            for encoding in [WireEncoding::Json, WireEncoding::Msgpack] {
                let read = decode_action(encoding, &encode_action(encoding, action)).unwrap();
                prop_assert_eq!(read.map(f64::to_bits), action.map(f64::to_bits));
            }
        }
    }
}
