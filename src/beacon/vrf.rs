//! The verifiable random function: one possible output per key and input, with a proof for everybody.

use std::fmt;
use std::str::FromStr;

use schnorrkel::context::attach_rng;
use schnorrkel::vrf::{VRFPreOut, VRFProof};
use schnorrkel::{PublicKey, signing_context};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key::{CONTEXT, NoRandomness, OperatorKey, parse_hex64};
use super::{BeaconOutput, vrf_input};
use crate::domain::{BlockHash, BlockRef, Hotkey, Netuid, ParseError, parse_text};

/// schnorrkel's short VRF proof (challenge and response), written as 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct VrfProof(pub [u8; 64]);

impl fmt::Display for VrfProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for VrfProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VrfProof({self})")
    }
}

impl FromStr for VrfProof {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        parse_hex64("VRF proof", text).map(VrfProof)
    }
}

impl Serialize for VrfProof {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VrfProof {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parse_text(deserializer)
    }
}

/// Label of schnorrkel's own proof transcript (`Keypair::vrf_sign`), so that its plain `vrf_verify` accepts ours.
const PROOF_LABEL: &[u8] = b"VRF";

impl OperatorKey {
    /// The VRF over [`vrf_input`], as schnorrkel's `vrf_sign` makes it with the signing context `kinitro`. The output is
    /// the 32 bytes of its pre-output (a compressed Ristretto point), the only one that this key can prove.
    pub fn vrf(&self, genesis: &BlockHash, netuid: Netuid, anchor: &BlockRef) -> (BeaconOutput, VrfProof) {
        let input = signing_context(CONTEXT).bytes(&vrf_input(genesis, netuid, anchor));
        let extra = attach_rng(merlin::Transcript::new(PROOF_LABEL), NoRandomness);
        let (in_out, proof, _) = self.0.vrf_sign_extra(input, extra);
        (BeaconOutput(in_out.to_preout().to_bytes()), VrfProof(proof.to_bytes()))
    }
}

/// Whether `proof` shows that `output` is `operator`'s VRF at this anchor.
pub fn verify_vrf(
    operator: &Hotkey,
    genesis: &BlockHash,
    netuid: Netuid,
    anchor: &BlockRef,
    output: &BeaconOutput,
    proof: &VrfProof,
) -> bool {
    let Ok(public) = PublicKey::from_bytes(&operator.0) else { return false };
    let Ok(output) = VRFPreOut::from_bytes(&output.0) else { return false };
    let Ok(proof) = VRFProof::from_bytes(&proof.0) else { return false };
    let input = signing_context(CONTEXT).bytes(&vrf_input(genesis, netuid, anchor));
    public.vrf_verify(input, &output, &proof).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BlockNumber;

    fn anchor(number: u64) -> BlockRef {
        BlockRef { number: BlockNumber(number), hash: BlockHash([3; 32]) }
    }

    #[test]
    fn the_proof_holds_for_its_own_anchor_key_and_output_alone() {
        let (key, genesis) = (OperatorKey::dev("operator"), BlockHash([1; 32]));
        let (output, proof) = key.vrf(&genesis, Netuid(5), &anchor(9));
        let hotkey = key.hotkey();
        let holds = |hotkey: &Hotkey, genesis: &BlockHash, netuid, number, output: &BeaconOutput, proof: &VrfProof| {
            verify_vrf(hotkey, genesis, Netuid(netuid), &anchor(number), output, proof)
        };
        assert!(holds(&hotkey, &genesis, 5, 9, &output, &proof));
        assert!(!holds(&OperatorKey::dev("other").hotkey(), &genesis, 5, 9, &output, &proof));
        assert!(!holds(&hotkey, &BlockHash([2; 32]), 5, 9, &output, &proof));
        assert!(!holds(&hotkey, &genesis, 6, 9, &output, &proof));
        assert!(!holds(&hotkey, &genesis, 5, 10, &output, &proof));
        let (foreign, _) = key.vrf(&genesis, Netuid(5), &anchor(10));
        assert!(!holds(&hotkey, &genesis, 5, 9, &foreign, &proof));
        for place in 0..64 {
            let mut changed = proof;
            changed.0[place] ^= 1;
            assert!(!holds(&hotkey, &genesis, 5, 9, &output, &changed), "byte {place}");
        }
    }

    #[test]
    fn the_output_is_pinned() {
        let (output, proof) = OperatorKey::dev("operator").vrf(&BlockHash([1; 32]), Netuid(5), &anchor(9));
        assert_eq!(output.to_hex(), "80f2bfc9315eb081324543e0de296ac0ed56a56bf1dd82310931553a3ae74d7b");
        assert_eq!(
            proof.to_string(),
            "094be349509c3e3e4da0b77d8d4a05ebbaac997d0c6a09d165098c832eec4608e2884ab5079b36c54c90e1f3f0b9725b37acb26377f3bd7c7248453f28679c09"
        );
    }
}
