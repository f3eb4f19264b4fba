//! The beacon as it stands in a manifest.

use serde::{Deserialize, Serialize};

use super::{BeaconError, BeaconOutput, OperatorKey, VrfProof, dev_output, verify_vrf};
use crate::domain::{BlockHash, BlockRef, Hotkey, Netuid};

/// A cycle's randomness with all that a stranger needs to check it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Beacon {
    /// Without an operator's key: anybody can compute it from the block. Never on a public network.
    Dev {
        /// [`dev_output`] of the anchor's hash.
        output: BeaconOutput,
    },
    /// The operator's VRF over the anchor.
    Vrf {
        /// Whose key made it.
        operator: Hotkey,
        /// The VRF's output.
        output: BeaconOutput,
        /// Shows that it is the only one this key could make.
        proof: VrfProof,
    },
}

impl Beacon {
    /// The beacon at `anchor`: `key`'s VRF, or without a key the development beacon.
    pub fn at(key: Option<&OperatorKey>, genesis: &BlockHash, netuid: Netuid, anchor: &BlockRef) -> Beacon {
        match key {
            None => Beacon::Dev { output: dev_output(&anchor.hash) },
            Some(key) => {
                let (output, proof) = key.vrf(genesis, netuid, anchor);
                Beacon::Vrf { operator: key.hotkey(), output, proof }
            }
        }
    }

    /// The 32 bytes from which the cycle's seed follows.
    pub fn output(&self) -> &BeaconOutput {
        match self {
            Beacon::Dev { output } | Beacon::Vrf { output, .. } => output,
        }
    }

    /// Whether it was made without an operator's key.
    pub fn is_dev(&self) -> bool {
        matches!(self, Beacon::Dev { .. })
    }

    /// Checks that the output is the one that this anchor and operator must give.
    ///
    /// # Errors
    /// [`BeaconError`] saying which part does not follow.
    pub fn verify(&self, genesis: &BlockHash, netuid: Netuid, anchor: &BlockRef) -> Result<(), BeaconError> {
        let block = anchor.number.0;
        match self {
            Beacon::Dev { output } if *output == dev_output(&anchor.hash) => Ok(()),
            Beacon::Dev { .. } => Err(BeaconError::DevOutputDiffers { block }),
            Beacon::Vrf { operator, output, proof } => {
                if verify_vrf(operator, genesis, netuid, anchor, output, proof) {
                    Ok(())
                } else {
                    Err(BeaconError::ProofRefused { operator: operator.ss58(), block })
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BlockNumber;

    const GENESIS: BlockHash = BlockHash([1; 32]);

    fn anchor(byte: u8) -> BlockRef {
        BlockRef { number: BlockNumber(9), hash: BlockHash([byte; 32]) }
    }

    #[test]
    fn both_kinds_survive_json_and_verify() {
        let key = OperatorKey::dev("operator");
        for (key, kind) in [(None, "dev"), (Some(&key), "vrf")] {
            let beacon = Beacon::at(key, &GENESIS, Netuid(5), &anchor(3));
            let json = serde_json::to_value(&beacon).unwrap();
            assert_eq!(json["kind"], kind);
            let back: Beacon = serde_json::from_value(json).unwrap();
            assert_eq!(back, beacon);
            assert_eq!(back.verify(&GENESIS, Netuid(5), &anchor(3)), Ok(()));
            assert!(back.verify(&GENESIS, Netuid(5), &anchor(4)).is_err());
        }
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let json = format!(r#"{{"kind":"dev","output":"{}","extra":1}}"#, "00".repeat(32));
        assert!(serde_json::from_str::<Beacon>(&json).is_err());
    }
}
