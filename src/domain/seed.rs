//! Seeds of the world and of the policies. Derived in `beacon/`; their bytes are secret until a cycle is published.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ParseError;
use super::digest::parse_hex32;

/// Defines a 32-byte secret whose `Debug` does not show it; `to_hex` is the one deliberate way out.
macro_rules! secret_seed {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 64 hexadecimal digits of the seed, for publication.
            pub fn to_hex(&self) -> String {
                hex::encode(self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(text: &str) -> Result<Self, ParseError> {
                parse_hex32($what, text).map($name)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.to_hex())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                super::parse_text(deserializer)
            }
        }
    };
}

secret_seed!(
    /// The secret of a cycle from which every episode seed follows.
    CycleSeed,
    "cycle seed"
);
secret_seed!(
    /// The seed of one episode's world; equal for all miners, never sent to one before the cycle is published.
    EpisodeSeed,
    "episode seed"
);

/// The seed that a miner is told (`task_config.seed`), for its own sampling: 31 bits, so that every
/// language reads it as a non-negative signed integer. Reveals nothing about the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicySeed(pub u32);
