//! Points of won subsets.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::SizeCounts;
use crate::domain::PointScheme;

/// The largest whole number that every JSON reader keeps exactly: 2⁵³ − 1.
const MAX_SAFE_INTEGER: u128 = (1 << 53) - 1;

/// Points of a miner, exact: with 50 environments they reach 3⁵⁰ / 2 ≈ 3.6 · 10²³.
///
/// In JSON a whole number up to 2⁵³ − 1 is a number; a larger one is a string of decimal digits, since most readers
/// of JSON, and canonical JSON itself, would round it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Points(pub u128);

impl Points {
    /// What the won subsets, given by size, are worth.
    pub fn of(won: &SizeCounts, scheme: PointScheme) -> Points {
        Points(won.iter().enumerate().skip(1).map(|(size, count)| count * worth(size, scheme)).sum())
    }
}

/// What one subset of `size` ≥ 1 environments is worth.
fn worth(size: usize, scheme: PointScheme) -> u128 {
    match scheme {
        PointScheme::Linear => size as u128,
        PointScheme::Exponential => 1 << (size - 1),
        PointScheme::Equal => 1,
    }
}

/// The points of all non-empty subsets of `environments` environments (at most 64) together.
pub fn available(environments: usize, scheme: PointScheme) -> Points {
    let n = environments as u32;
    Points(match scheme {
        PointScheme::Linear if n == 0 => 0,
        PointScheme::Linear => u128::from(n) << (n - 1),
        PointScheme::Exponential => (3u128.pow(n) - 1) / 2,
        PointScheme::Equal => (1u128 << n) - 1,
    })
}

impl fmt::Display for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 <= MAX_SAFE_INTEGER {
            serializer.serialize_u64(self.0 as u64)
        } else {
            serializer.collect_str(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Points {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PointsVisitor)
    }
}

struct PointsVisitor;

impl de::Visitor<'_> for PointsVisitor {
    type Value = Points;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("points: a whole number up to 2^53 - 1, or a larger one as a string of digits")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Points, E> {
        let points = u128::from(value);
        if points > MAX_SAFE_INTEGER {
            return Err(E::custom("points above 2^53 - 1 must be a string of digits"));
        }
        Ok(Points(points))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Points, E> {
        let value: u128 = text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?;
        // One number, one way to write it: two texts of the same manifest must have one digest.
        if value <= MAX_SAFE_INTEGER || value.to_string() != text {
            return Err(E::invalid_value(de::Unexpected::Str(text), &self));
        }
        Ok(Points(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_subsets_together_are_what_is_available() {
        for n in 0..=16usize {
            for scheme in [PointScheme::Linear, PointScheme::Exponential, PointScheme::Equal] {
                let sum: u128 = (1u32..1 << n).map(|subset| worth(subset.count_ones() as usize, scheme)).sum();
                assert_eq!(available(n, scheme), Points(sum), "{n} {scheme:?}");
            }
        }
    }

    #[test]
    fn sixty_four_environments_fit() {
        assert_eq!(available(64, PointScheme::Exponential).0, 1_716_841_910_146_256_242_328_924_544_640);
        assert_eq!(available(64, PointScheme::Linear).0, 64 << 63);
    }

    #[test]
    fn large_points_travel_as_digits() {
        let json = |points: u128| serde_json::to_string(&Points(points)).unwrap();
        assert_eq!(json(MAX_SAFE_INTEGER), "9007199254740991");
        assert_eq!(json(MAX_SAFE_INTEGER + 1), "\"9007199254740992\"");
        for points in [0, 7, MAX_SAFE_INTEGER, MAX_SAFE_INTEGER + 1, 3u128.pow(50)] {
            assert_eq!(serde_json::from_str::<Points>(&json(points)).unwrap(), Points(points));
        }
        for other in ["\"7\"", "9007199254740992", "\"+9007199254740993\"", "1.5", "-1"] {
            assert!(serde_json::from_str::<Points>(other).is_err(), "{other}");
        }
    }
}
