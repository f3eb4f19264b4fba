//! Names of environments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ParseError;

/// Longest environment id we take from outside.
const MAX_LEN: usize = 64;

/// The id of an environment, `suite/name`, for example `metaworld/pick-place-v3`.
///
/// Whether an environment of that name exists is the simulator's registry to say; this is the well-formed name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvId(String);

impl EnvId {
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the slash: MetaWorld's own name, `pick-place-v3`.
    pub fn task_name(&self) -> &str {
        self.0.split_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The task's name without its version: `pick-place`.
    pub fn env_name(&self) -> &str {
        let name = self.task_name();
        name.rsplit_once("-v").map_or(name, |(stem, _)| stem)
    }
}

/// Names under which an environment was published before, and what it is called.
const ALIASES: [(&str, &str); 1] = [("metaworld/peg-insert-v3", "metaworld/peg-insert-side-v3")];

impl FromStr for EnvId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |hint: &str| ParseError::new("environment id", text, hint);
        if text.len() > MAX_LEN {
            return Err(wrong("at most 64 characters"));
        }
        let known = ALIASES.iter().find(|(alias, _)| *alias == text).map_or(text, |(_, name)| name);
        let part_ok = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        match known.split_once('/') {
            Some((suite, name)) if part_ok(suite) && part_ok(name) => Ok(EnvId(known.to_owned())),
            _ => Err(wrong("expected suite/name such as metaworld/reach-v3; `kinitro list-envs` shows them all")),
        }
    }
}

impl fmt::Display for EnvId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for EnvId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for EnvId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::EnvId;

    #[test]
    fn parts_and_alias() {
        let id: EnvId = "metaworld/peg-insert-v3".parse().unwrap();
        assert_eq!(id.as_str(), "metaworld/peg-insert-side-v3");
        assert_eq!(id.task_name(), "peg-insert-side-v3");
        assert_eq!(id.env_name(), "peg-insert-side");
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in ["", "reach-v3", "metaworld/", "metaworld/../etc", "Metaworld/Reach", "metaworld/a\u{1b}[0m"] {
            assert!(text.parse::<EnvId>().is_err(), "{text:?}");
        }
    }
}
