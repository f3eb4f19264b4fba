//! Doubles as exact text: 16 hexadecimal digits of the big-endian bit pattern.
//!
//! Headers and footers hold doubles so, as `env rollout --hex` prints them; a decimal would leave open how it was rounded.

use serde::{Deserialize, Deserializer, Serializer, de};

/// The 16 digits of `value`.
pub fn f64_to_hex(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}

/// The double of exactly 16 hexadecimal digits.
pub fn f64_from_hex(text: &str) -> Option<f64> {
    let digits_only = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    digits_only.then(|| u64::from_str_radix(text, 16).ok().map(f64::from_bits)).flatten()
}

fn parse<E: de::Error>(text: &str) -> Result<f64, E> {
    f64_from_hex(text).ok_or_else(|| E::custom("expected the 16 hexadecimal digits of a double"))
}

/// One double, for `#[serde(with = …)]`.
pub(super) mod one {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&f64_to_hex(*value))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        parse(&String::deserialize(deserializer)?)
    }
}

/// A list of doubles, for `#[serde(with = …)]`.
pub(super) mod many {
    use super::*;

    pub(in super::super) fn serialize<S: Serializer>(values: &[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| f64_to_hex(*value)))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        Vec::<String>::deserialize(deserializer)?.iter().map(|text| parse(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{f64_from_hex, f64_to_hex};

    #[test]
    fn every_bit_survives() {
        for value in [0.0, -0.0, 1.5, f64::NAN, f64::NEG_INFINITY, 5e-324] {
            assert_eq!(f64_from_hex(&f64_to_hex(value)).unwrap().to_bits(), value.to_bits());
        }
        assert_eq!(f64_to_hex(1.0), "3ff0000000000000");
        for bad in ["", "3ff", "+ff0000000000000", "3ff00000000000000"] {
            assert_eq!(f64_from_hex(bad), None, "{bad}");
        }
    }
}
