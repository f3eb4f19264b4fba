//! Uids that changed hands between a cycle and the setting of its weights.

use std::collections::BTreeMap;

use super::Neuron;
use crate::domain::{Hotkey, Uid};
use crate::score::Weights;

/// Weights after a look at who sits where now.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Weights of the uids that are still held by whom they were earned by.
    pub weights: Weights,
    /// Uids that get nothing: their miner is gone.
    pub dropped: Vec<Uid>,
}

/// Drops the weights of uids whose hotkey is not the one that earned them.
///
/// `earned_by` is the cycle's miner of each uid, `neurons` the subnet at the block of submission.
pub fn keep_same_hands(weights: &Weights, earned_by: &BTreeMap<Uid, Hotkey>, neurons: &[Neuron]) -> Kept {
    let holders: BTreeMap<Uid, Hotkey> = neurons.iter().map(|neuron| (neuron.uid, neuron.hotkey)).collect();
    let is_same = |uid: &Uid| earned_by.get(uid).is_some_and(|hotkey| holders.get(uid) == Some(hotkey));
    let (kept, dropped): (Weights, Weights) = weights.iter().partition(|(uid, _)| is_same(uid));
    Kept { weights: kept, dropped: dropped.into_keys().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BlockNumber;

    #[test]
    fn who_took_over_a_uid_gets_nothing_of_what_was_earned_before() {
        let neuron = |uid: u16, key: u8| Neuron {
            uid: Uid(uid),
            hotkey: Hotkey([key; 32]),
            coldkey: None,
            stake_rao: 0,
            validator_permit: false,
            registered_at: BlockNumber(1),
            last_update: None,
            incentive: 0,
        };
        let weights = Weights::from([(Uid(1), 0.5), (Uid(2), 0.3), (Uid(3), 0.2)]);
        let earned_by = [1u8, 2, 3].map(|key| (Uid(key.into()), Hotkey([key; 32]))).into();
        let kept = keep_same_hands(&weights, &earned_by, &[neuron(1, 1), neuron(2, 77)]);
        assert_eq!(kept.weights, Weights::from([(Uid(1), 0.5)]));
        assert_eq!(kept.dropped, [Uid(2), Uid(3)]);
    }
}
