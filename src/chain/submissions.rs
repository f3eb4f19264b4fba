//! Which registered hotkeys submitted what.

use std::collections::BTreeMap;

use super::{CommitmentData, Neuron, RawCommitment, opaque_kind};
use crate::admission::{Committed, Submission};
use crate::domain::Hotkey;

/// Joins neurons with commitments read at the same block: the submissions that admission decides about, by uid.
///
/// A commitment without a neuron is left away, for it outlives a registration. One that is not plain bytes goes by its
/// kind, and admission refuses it.
pub fn submissions(neurons: &[Neuron], commitments: &[RawCommitment]) -> Vec<Submission> {
    let by_hotkey: BTreeMap<Hotkey, &RawCommitment> =
        commitments.iter().map(|commitment| (commitment.hotkey, commitment)).collect();
    let mut submissions: Vec<Submission> = neurons
        .iter()
        .filter_map(|neuron| {
            let commitment = by_hotkey.get(&neuron.hotkey)?;
            let content = match &commitment.data {
                CommitmentData::Bytes(data) => Committed::Bytes(data.clone()),
                CommitmentData::Opaque(fields) => Committed::Opaque(opaque_kind(fields)),
            };
            Some(Submission { uid: neuron.uid, hotkey: neuron.hotkey, block: commitment.block, content })
        })
        .collect();
    submissions.sort_by_key(|submission| submission.uid);
    submissions
}

#[cfg(test)]
mod tests {
    use super::super::OpaqueField;
    use super::*;
    use crate::domain::{BlockNumber, Uid};

    #[test]
    fn every_registered_hotkey_with_a_commitment_submits_it() {
        let neuron = |uid: u16| Neuron {
            uid: Uid(uid),
            hotkey: Hotkey([uid as u8; 32]),
            coldkey: None,
            stake_rao: 0,
            validator_permit: false,
            registered_at: BlockNumber(1),
            last_update: None,
            incentive: 0,
        };
        let commitment = |key: u8, data| RawCommitment { hotkey: Hotkey([key; 32]), block: BlockNumber(9), data };
        let sealed = OpaqueField { kind: "TimelockEncrypted".into(), bytes: vec![1] };
        let joined = submissions(
            &[neuron(4), neuron(3), neuron(2)],
            &[
                commitment(3, CommitmentData::Bytes(b"{}".to_vec())),
                commitment(4, CommitmentData::Opaque(vec![sealed])),
                commitment(9, CommitmentData::Bytes(b"{}".to_vec())),
            ],
        );
        let (plain, sealed) = (Committed::Bytes(b"{}".to_vec()), Committed::Opaque("TimelockEncrypted".into()));
        let found: Vec<_> = joined.into_iter().map(|one| (one.uid, one.block, one.content)).collect();
        assert_eq!(found, [(Uid(3), BlockNumber(9), plain), (Uid(4), BlockNumber(9), sealed)]);
    }
}
