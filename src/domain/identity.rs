//! Who somebody is on the chain.

use std::fmt;
use std::str::FromStr;

use blake2::{Blake2b512, Digest as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ParseError;

/// The ss58 prefix of Bittensor addresses (the generic Substrate prefix).
const SS58_PREFIX: u8 = 42;
/// Context of the ss58 checksum, from Substrate's address format.
const SS58_CONTEXT: &[u8] = b"SS58PRE";

/// A miner's or operator's identity: an sr25519 public key, written as an ss58 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hotkey(pub [u8; 32]);

impl Hotkey {
    /// The ss58 address with prefix 42.
    pub fn ss58(&self) -> String {
        let mut bytes = [0u8; 35];
        bytes[0] = SS58_PREFIX;
        bytes[1..33].copy_from_slice(&self.0);
        let checksum = ss58_checksum(&bytes[..33]);
        bytes[33..].copy_from_slice(&checksum);
        bs58::encode(bytes).into_string()
    }

    /// The first eight characters of the address, for tables that people read.
    pub fn short(&self) -> String {
        self.ss58().chars().take(8).collect()
    }
}

fn ss58_checksum(payload: &[u8]) -> [u8; 2] {
    let hash = Blake2b512::new().chain_update(SS58_CONTEXT).chain_update(payload).finalize();
    [hash[0], hash[1]]
}

impl fmt::Display for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ss58())
    }
}

impl fmt::Debug for Hotkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hotkey({self})")
    }
}

impl FromStr for Hotkey {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |hint: &str| ParseError::new("hotkey", text, hint);
        if text.len() > 64 {
            return Err(wrong("expected an ss58 address of 48 characters"));
        }
        let bytes = bs58::decode(text).into_vec().map_err(|_| wrong("expected a base58 ss58 address"))?;
        let bytes: [u8; 35] = bytes.try_into().map_err(|_| wrong("expected an ss58 address of 48 characters"))?;
        if bytes[0] != SS58_PREFIX {
            return Err(wrong("expected the ss58 prefix 42 (an address that begins with 5)"));
        }
        if bytes[33..] != ss58_checksum(&bytes[..33]) {
            return Err(wrong("the checksum does not match; was a character lost or changed?"));
        }
        let mut key = [0u8; 32];
        key.copy_from_slice(&bytes[1..33]);
        Ok(Hotkey(key))
    }
}

impl Serialize for Hotkey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hotkey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::parse_text(deserializer)
    }
}

/// Where a hotkey sits in a subnet right now; changes hands when a miner is deregistered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub u16);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Netuid(pub u16);

impl fmt::Display for Netuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Hotkey;

    /// Substrate's well-known development account Alice.
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn alices_address_round_trips() {
        let hotkey: Hotkey = ALICE.parse().unwrap();
        assert_eq!(hex::encode(hotkey.0), "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d");
        assert_eq!(hotkey.to_string(), ALICE);
    }

    #[test]
    fn a_changed_character_is_noticed() {
        let changed = ALICE.replace("QY", "QZ");
        assert!(changed.parse::<Hotkey>().unwrap_err().to_string().contains("checksum"));
    }
}
