//! Which registered hotkeys submitted what.

use std::collections::BTreeMap;

use super::{CommitmentData, Neuron, RawCommitment};
use crate::admission::Submission;
use crate::domain::Hotkey;

/// Joins neurons with commitments read at the same block: the submissions that admission decides about, by uid.
///
/// A commitment without a neuron is left away, for it outlives a registration; so is one that is not plain bytes, for
/// it cannot be a claim.
pub fn submissions(neurons: &[Neuron], commitments: &[RawCommitment]) -> Vec<Submission> {
    let by_hotkey: BTreeMap<Hotkey, &RawCommitment> =
        commitments.iter().map(|commitment| (commitment.hotkey, commitment)).collect();
    let mut submissions: Vec<Submission> = neurons
        .iter()
        .filter_map(|neuron| {
            let commitment = by_hotkey.get(&neuron.hotkey)?;
            let CommitmentData::Bytes(data) = &commitment.data else { return None };
            Some(Submission { uid: neuron.uid, hotkey: neuron.hotkey, block: commitment.block, data: data.clone() })
        })
        .collect();
    submissions.sort_by_key(|submission| submission.uid);
    submissions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BlockNumber, Uid};

    #[test]
    fn only_registered_hotkeys_with_plain_bytes_submit() {
        let neuron = |uid: u16| Neuron {
            uid: Uid(uid),
            hotkey: Hotkey([uid as u8; 32]),
            coldkey: None,
            stake_rao: 0,
            validator_permit: false,
            registered_at: BlockNumber(1),
            last_update: None,
        };
        let commitment = |key: u8, data| RawCommitment { hotkey: Hotkey([key; 32]), block: BlockNumber(9), data };
        let joined = submissions(
            &[neuron(4), neuron(3), neuron(2)],
            &[
                commitment(3, CommitmentData::Bytes(b"{}".to_vec())),
                commitment(4, CommitmentData::Opaque("TimelockEncrypted".into())),
                commitment(9, CommitmentData::Bytes(b"{}".to_vec())),
            ],
        );
        assert_eq!(joined.len(), 1);
        assert_eq!((joined[0].uid, joined[0].block, joined[0].data.as_slice()), (Uid(3), BlockNumber(9), &b"{}"[..]));
    }
}
