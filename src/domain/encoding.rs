//! How observations and actions travel.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The encoding of one episode's bodies, agreed with the policy before its reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// JSON; every policy understands it.
    Json,
    /// MessagePack, where `/health` offers it.
    Msgpack,
    /// No wire at all: the policy runs in this process, as the scripted experts of `test-env` do.
    InProcess,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Json => "json",
            Encoding::Msgpack => "msgpack",
            Encoding::InProcess => "in_process",
        })
    }
}
