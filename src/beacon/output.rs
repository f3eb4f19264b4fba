//! The public randomness of a cycle, and what it is drawn from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::{BlockHash, BlockRef, Netuid, ParseError, parse_hex32, parse_text};

/// The 32 bytes from which all seeds of a cycle follow; secret until the cycle is published, so `Debug` hides them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BeaconOutput(pub [u8; 32]);

impl BeaconOutput {
    /// The 64 hexadecimal digits, for publication.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for BeaconOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeaconOutput(…)")
    }
}

impl FromStr for BeaconOutput {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_hex32("beacon output", text).map(BeaconOutput)
    }
}

impl Serialize for BeaconOutput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for BeaconOutput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_text(deserializer)
    }
}

/// Context of the development beacon.
const DEV_CONTEXT: &str = "kinitro dev beacon";

/// The beacon of a chain without an operator's key: `blake3::derive_key("kinitro dev beacon", hash)`.
///
/// Anybody who sees the block can compute it, so every artefact made from it says `dev`.
pub fn dev_output(hash: &BlockHash) -> BeaconOutput {
    BeaconOutput(blake3::derive_key(DEV_CONTEXT, &hash.0))
}

/// First bytes of every VRF input, so that the proof can be read as nothing else.
const VRF_DOMAIN: &[u8] = b"kinitro-beacon-v1";

/// The VRF's input: `"kinitro-beacon-v1" ‖ genesis hash (32) ‖ netuid (u16 LE) ‖ block number (u64 LE) ‖ block hash (32)`,
/// 91 bytes.
pub fn vrf_input(genesis: &BlockHash, netuid: Netuid, anchor: &BlockRef) -> Vec<u8> {
    let mut input = Vec::with_capacity(VRF_DOMAIN.len() + 74);
    input.extend_from_slice(VRF_DOMAIN);
    input.extend_from_slice(&genesis.0);
    input.extend_from_slice(&netuid.0.to_le_bytes());
    input.extend_from_slice(&anchor.number.0.to_le_bytes());
    input.extend_from_slice(&anchor.hash.0);
    input
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BlockNumber;

    #[test]
    fn the_vrf_input_is_the_written_concatenation() {
        let anchor = BlockRef { number: BlockNumber(0x0102), hash: BlockHash([9; 32]) };
        let input = vrf_input(&BlockHash([7; 32]), Netuid(0x0304), &anchor);
        let expected =
            [b"kinitro-beacon-v1".as_slice(), &[7; 32], &[4, 3], &[2, 1, 0, 0, 0, 0, 0, 0], &[9; 32]].concat();
        assert_eq!(input, expected);
        assert_eq!(input.len(), 91);
    }

    #[test]
    fn debug_tells_nothing() {
        let output = dev_output(&BlockHash([1; 32]));
        assert_eq!(format!("{output:?}"), "BeaconOutput(…)");
    }
}
