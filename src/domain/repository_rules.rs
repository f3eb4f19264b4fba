//! What a contest asks of the model repositories that claims name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Digest, ParseError};

/// The largest integer that canonical JSON holds exactly (RFC 8785 writes numbers as doubles): 2^53 − 1.
const MAX_EXACT: u64 = (1 << 53) - 1;
/// More base models than a contest can mean.
const MAX_BASE_MODELS: usize = 1_000;

/// The canonical digest of a model's tensors, whatever their names, files and metadata are. Written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WeightsDigest(pub Digest);

impl fmt::Display for WeightsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for WeightsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WeightsDigest({self})")
    }
}

impl FromStr for WeightsDigest {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        super::parse_hex32("weights digest", text).map(|bytes| WeightsDigest(Digest(bytes)))
    }
}

impl Serialize for WeightsDigest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WeightsDigest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

/// A contest's rules about repositories. A contest without them judges the text of claims only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RepositoryRules {
    /// Largest repository, all files of the revision together. Default 18,000,000,000 bytes.
    pub max_bytes: u64,
    /// Smallest repository. Default 0: no floor.
    pub min_bytes: u64,
    /// Whether tensors of quantised types may stand in the weights: 8 bits an element or less, but for BOOL. Default off.
    pub quantised: bool,
    /// Whether a file `coldkey.txt` must name the coldkey that owns the hotkey. Default on. Danger: without it whoever sees
    /// a repository first can claim it as its own.
    pub coldkey_file: bool,
    /// Models that everybody has and nobody is paid for. Default none.
    pub base_models: Vec<BaseModel>,
    /// Least stake of a miner's hotkey, in rao. Default 0.
    pub min_stake_rao: u64,
    /// Share of an earlier model's bytes, in percent, from which a later one that holds equal tensors is reported as a near
    /// copy. Nobody is refused for it. Default 90.
    pub near_copy_percent: u32,
}

impl Default for RepositoryRules {
    fn default() -> Self {
        RepositoryRules {
            max_bytes: 18_000_000_000,
            min_bytes: 0,
            quantised: false,
            coldkey_file: true,
            base_models: Vec::new(),
            min_stake_rao: 0,
            near_copy_percent: 90,
        }
    }
}

/// A model that is refused wherever it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaseModel {
    /// Its name for people.
    pub name: String,
    /// Its tensors, as `kinitro admit` prints them.
    pub weights: WeightsDigest,
}

impl RepositoryRules {
    /// What is wrong with the rules, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.max_bytes == 0 {
            problems.push("max_bytes must be at least 1".to_owned());
        }
        if self.min_bytes > self.max_bytes {
            problems.push(format!(
                "min_bytes ({}) is above max_bytes ({}): no repository would pass",
                self.min_bytes, self.max_bytes
            ));
        }
        for (name, value) in [("max_bytes", self.max_bytes), ("min_stake_rao", self.min_stake_rao)] {
            if value > MAX_EXACT {
                problems
                    .push(format!("{name} must be at most {MAX_EXACT}, the largest number that JSON keeps exactly"));
            }
        }
        if !(1..=100).contains(&self.near_copy_percent) {
            problems.push("near_copy_percent must be 1 to 100".to_owned());
        }
        if self.base_models.len() > MAX_BASE_MODELS {
            problems.push(format!("base_models has {} entries, at most {MAX_BASE_MODELS}", self.base_models.len()));
        }
        for (index, model) in self.base_models.iter().enumerate() {
            if self.base_models[..index].iter().any(|other| other.weights == model.weights) {
                problems.push(format!("base_models: the weights {} stand twice", model.weights));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Contest;

    #[test]
    fn the_defaults_have_no_problem_and_nonsense_has_one_sentence_each() {
        assert_eq!(RepositoryRules::default().problems(), Vec::<String>::new());
        let model = BaseModel { name: "base".into(), weights: WeightsDigest(Digest::of(b"base")) };
        let nonsense = RepositoryRules {
            max_bytes: 1,
            min_bytes: 2,
            min_stake_rao: u64::MAX,
            near_copy_percent: 0,
            base_models: vec![model.clone(), model],
            ..RepositoryRules::default()
        };
        assert_eq!(nonsense.problems().len(), 4, "{:?}", nonsense.problems());
    }

    #[test]
    fn a_contest_without_rules_does_not_write_them_and_one_with_them_has_another_digest() {
        let without = Contest::default();
        assert_eq!(serde_json::to_value(&without).unwrap().get("repository"), None);
        let with: Contest = toml::from_str("[repository]\nquantised = true").unwrap();
        assert_eq!(with.repository, Some(RepositoryRules { quantised: true, ..RepositoryRules::default() }));
        assert_ne!(with.digest(), without.digest());
        let json = serde_json::to_value(&with).unwrap();
        assert_eq!(serde_json::from_value::<Contest>(json).unwrap(), with);
    }

    #[test]
    fn an_unknown_rule_is_refused() {
        assert!(toml::from_str::<RepositoryRules>("max_byte = 5").is_err());
        assert!(toml::from_str::<RepositoryRules>("base_models = [{ name = \"a\", weights = \"ab\" }]").is_err());
    }
}
