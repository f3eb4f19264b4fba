//! Units of work and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EnvId, Hotkey, ParseError};

/// The number of a cycle, counted from 1 by each operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CycleId(pub u64);

impl fmt::Display for CycleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What sort of work a job is. The queue, leases, transcripts and replay are common to all kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// One seeded episode of a policy in an environment.
    Rollout,
}

/// The name of one job, a UUID derived from what the job is: making the same cycle twice makes the same jobs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub [u8; 16]);

impl TaskId {
    /// The job of `hotkey` in episode `index` of `environment` in `cycle`.
    ///
    /// A version-8 UUID (RFC 9562 §5.8) over the first 16 bytes of a blake3 digest.
    pub fn of(cycle: CycleId, kind: JobKind, hotkey: &Hotkey, environment: &EnvId, index: u32) -> TaskId {
        let mut hasher = blake3::Hasher::new_derive_key("kinitro task id v1");
        hasher.update(&cycle.0.to_le_bytes());
        hasher.update(match kind {
            JobKind::Rollout => b"rollout\0",
        });
        hasher.update(&hotkey.0);
        hasher.update(environment.as_str().as_bytes());
        hasher.update(&[0]);
        hasher.update(&index.to_le_bytes());
        let mut bytes = [0u8; 16];
        bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        bytes[6] = (bytes[6] & 0x0f) | 0x80;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        TaskId(bytes)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let h = hex::encode(self.0);
        write!(f, "{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
    }
}

impl fmt::Debug for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskId({self})")
    }
}

impl FromStr for TaskId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new("task uuid", text, "expected 8-4-4-4-12 hexadecimal digits");
        let dashes_ok =
            text.len() == 36 && text.char_indices().all(|(i, c)| (c == '-') == matches!(i, 8 | 13 | 18 | 23));
        if !dashes_ok {
            return Err(wrong());
        }
        let mut bytes = [0u8; 16];
        hex::decode_to_slice(text.replace('-', ""), &mut bytes).map_err(|_| wrong())?;
        Ok(TaskId(bytes))
    }
}

impl Serialize for TaskId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TaskId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

/// Which try at a job this is, counted from 1. A result belongs to (task, attempt).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attempt(pub u32);

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Longest name an executor may give itself.
const MAX_EXECUTOR_ID: usize = 64;

/// The name of an executor: 1 to 64 of `A–Z a–z 0–9 . _ -`, so that it is safe in logs and metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutorId(String);

impl ExecutorId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExecutorId {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let character_ok = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if text.is_empty() || text.len() > MAX_EXECUTOR_ID || !text.bytes().all(character_ok) {
            return Err(ParseError::new("executor id", text, "expected 1 to 64 letters, digits, '.', '_' or '-'"));
        }
        Ok(ExecutorId(text.to_owned()))
    }
}

impl fmt::Display for ExecutorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ExecutorId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ExecutorId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_id_is_a_uuid_and_depends_on_every_part() {
        let env: EnvId = "metaworld/reach-v3".parse().unwrap();
        let id = |cycle, key, index| TaskId::of(CycleId(cycle), JobKind::Rollout, &Hotkey([key; 32]), &env, index);
        let first = id(1, 1, 0);
        assert_eq!(first.to_string().parse::<TaskId>().unwrap(), first);
        assert_eq!(first.to_string().as_bytes()[14], b'8');
        for other in [id(2, 1, 0), id(1, 2, 0), id(1, 1, 1)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn executor_names_with_escapes_are_refused() {
        assert!("rack-3.gpu_0".parse::<ExecutorId>().is_ok());
        for bad in ["", "a b", "x\n", "é", &"x".repeat(65)] {
            assert!(bad.parse::<ExecutorId>().is_err(), "{bad:?}");
        }
    }
}
