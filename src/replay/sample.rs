//! Which episodes of a cycle a verifier replays.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::ParseError;

/// How many episodes to check.
///
/// Written as `all`, `none`, a number of episodes, or a share such as `10%`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Sample {
    /// Every one.
    All,
    /// Not one.
    None,
    /// At most this many.
    Count(u64),
    /// This share of them, rounded up.
    Percent(f64),
}

impl Sample {
    /// The places, ascending, of the episodes to check out of `total`. They follow from `seed` alone: a verifier that draws its seed
    /// after the cycle was published cannot be prepared for, and one that publishes it afterwards can be checked itself.
    pub fn choose(self, total: u64, seed: &[u8; 32]) -> Vec<u64> {
        let count = match self {
            Sample::All => total,
            Sample::None => 0,
            Sample::Count(count) => count.min(total),
            Sample::Percent(percent) => (total as f64 * percent / 100.0).ceil().clamp(0.0, total as f64) as u64,
        };
        let mut ranked: Vec<([u8; 32], u64)> =
            (0..total).map(|place| (*blake3::keyed_hash(seed, &place.to_le_bytes()).as_bytes(), place)).collect();
        ranked.sort_unstable();
        let mut chosen: Vec<u64> = ranked.into_iter().take(count as usize).map(|(_, place)| place).collect();
        chosen.sort_unstable();
        chosen
    }
}

impl FromStr for Sample {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong =
            || ParseError::new("sample", text, "expected `all`, `none`, a number of episodes, or a share such as 10%");
        match text {
            "all" => return Ok(Sample::All),
            "none" => return Ok(Sample::None),
            _ => {}
        }
        match text.strip_suffix('%') {
            Some(share) => match share.parse::<f64>() {
                Ok(share) if share > 0.0 && share <= 100.0 => Ok(Sample::Percent(share)),
                _ => Err(wrong()),
            },
            None => match text.parse::<u64>() {
                Ok(count) if count > 0 => Ok(Sample::Count(count)),
                _ => Err(wrong()),
            },
        }
    }
}

impl TryFrom<String> for Sample {
    type Error = ParseError;
    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}

impl From<Sample> for String {
    fn from(sample: Sample) -> String {
        sample.to_string()
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Sample::All => f.write_str("all"),
            Sample::None => f.write_str("none"),
            Sample::Count(count) => count.fmt(f),
            Sample::Percent(share) => write!(f, "{share}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn a_sample_follows_from_its_seed() {
        let sample = Sample::Count(10).choose(1000, &[1; 32]);
        assert_eq!(sample.len(), 10);
        assert!(sample.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(sample, Sample::Count(10).choose(1000, &[1; 32]));
        assert_ne!(sample, Sample::Count(10).choose(1000, &[2; 32]));
    }

    #[test]
    fn sizes() {
        assert_eq!(Sample::All.choose(5, &[0; 32]), [0, 1, 2, 3, 4]);
        assert_eq!("12%".parse::<Sample>().unwrap().choose(9, &[0; 32]).len(), 2);
        assert_eq!("7".parse::<Sample>().unwrap().choose(3, &[0; 32]).len(), 3);
        for bad in ["", "0", "0%", "101%", "NaN%", "-1", "ten"] {
            assert!(bad.parse::<Sample>().is_err(), "{bad}");
        }
    }
}
