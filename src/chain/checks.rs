//! What a chain asks of a write, checked before it is sent: a refusal then names its cause and costs nothing.

use std::collections::BTreeSet;

use super::{ChainError, Hyperparameters, Neuron, WeightSubmission};
use crate::admission::MAX_COMMITMENT_BYTES;
use crate::domain::{BlockNumber, Hotkey, Netuid};

/// Checks that the chain would take these weights from this signer in block `at`, and that each uid is held by who earned
/// its weight. `owner` is the subnet's, whose hotkey needs no permit; nor does a single weight for oneself.
///
/// # Errors
/// The first check that fails, in the chain's order; the chain knows nothing of who earned what.
pub fn check_weights(
    netuid: Netuid,
    signer: &Hotkey,
    weights: &WeightSubmission,
    neurons: &[Neuron],
    rules: &Hyperparameters,
    owner: Option<Hotkey>,
    at: BlockNumber,
) -> Result<(), ChainError> {
    check_signer(netuid, signer, weights, neurons, rules, owner, at)?;
    check_holders(weights, neurons)?;
    check_vector(signer, weights, neurons, rules)
}

/// The same without who earned what: what the chain itself looks at.
pub(super) fn check_call(
    netuid: Netuid,
    signer: &Hotkey,
    weights: &WeightSubmission,
    neurons: &[Neuron],
    rules: &Hyperparameters,
    owner: Option<Hotkey>,
    at: BlockNumber,
) -> Result<(), ChainError> {
    check_signer(netuid, signer, weights, neurons, rules, owner, at)?;
    check_vector(signer, weights, neurons, rules)
}

/// Checks that each uid is held by who earned its weight.
///
/// # Errors
/// [`ChainError::HolderUnknown`], [`ChainError::UidChangedHands`].
pub(super) fn check_holders(weights: &WeightSubmission, neurons: &[Neuron]) -> Result<(), ChainError> {
    for (place, &uid) in weights.uids.iter().enumerate() {
        let expected = *weights.holders.get(place).ok_or(ChainError::HolderUnknown(uid))?;
        let found = neurons.iter().find(|neuron| neuron.uid == uid).map(|neuron| neuron.hotkey);
        if found != Some(expected) {
            return Err(ChainError::UidChangedHands { uid, expected, found });
        }
    }
    Ok(())
}

fn check_signer(
    netuid: Netuid,
    signer: &Hotkey,
    weights: &WeightSubmission,
    neurons: &[Neuron],
    rules: &Hyperparameters,
    owner: Option<Hotkey>,
    at: BlockNumber,
) -> Result<(), ChainError> {
    let (uids, values) = (weights.uids.len(), weights.values.len());
    if uids != values {
        return Err(ChainError::LengthMismatch { uids, values });
    }
    let validator = registered(netuid, signer, neurons)?;
    check_stake(validator, rules)?;
    if weights.version_key < rules.weights_version_key {
        let needed = rules.weights_version_key;
        return Err(ChainError::VersionKeyTooOld { given: weights.version_key, needed });
    }
    check_pause(validator, rules, at)?;
    if !validator.validator_permit && owner != Some(*signer) && !is_for_itself(validator, weights) {
        return Err(ChainError::NoValidatorPermit(*signer));
    }
    Ok(())
}

/// Checks that the chain would take a commit of weights from this signer in block `at`. It cannot see the weights.
pub(super) fn check_committer(
    netuid: Netuid,
    signer: &Hotkey,
    neurons: &[Neuron],
    rules: &Hyperparameters,
    at: BlockNumber,
) -> Result<(), ChainError> {
    let validator = registered(netuid, signer, neurons)?;
    check_stake(validator, rules)?;
    check_pause(validator, rules, at)
}

fn registered<'a>(netuid: Netuid, signer: &Hotkey, neurons: &'a [Neuron]) -> Result<&'a Neuron, ChainError> {
    let found = neurons.iter().find(|neuron| neuron.hotkey == *signer);
    found.ok_or(ChainError::NotRegistered { hotkey: *signer, netuid })
}

fn check_stake(validator: &Neuron, rules: &Hyperparameters) -> Result<(), ChainError> {
    if validator.stake_rao < rules.stake_threshold_rao {
        let needed_rao = rules.stake_threshold_rao;
        return Err(ChainError::StakeTooLow { stake_rao: validator.stake_rao, needed_rao });
    }
    Ok(())
}

/// The pause counts from the last weights or commit, and before the first from the registration, as the chain's
/// `LastUpdate` does; block 0 there says never.
fn check_pause(validator: &Neuron, rules: &Hyperparameters, at: BlockNumber) -> Result<(), ChainError> {
    let last = validator.last_update.unwrap_or(validator.registered_at).0;
    let allowed_at = last.saturating_add(rules.weights_set_rate_limit_blocks);
    if last > 0 && at.0 < allowed_at {
        return Err(ChainError::RateLimited { blocks_left: allowed_at - at.0 });
    }
    Ok(())
}

/// Whether this is one weight, of the signer for itself: it needs no permit, no others beside it, and has no limit.
fn is_for_itself(signer: &Neuron, weights: &WeightSubmission) -> bool {
    weights.uids == [signer.uid]
}

fn check_vector(
    signer: &Hotkey,
    weights: &WeightSubmission,
    neurons: &[Neuron],
    rules: &Hyperparameters,
) -> Result<(), ChainError> {
    let mut seen = BTreeSet::new();
    for &uid in &weights.uids {
        if !seen.insert(uid) {
            return Err(ChainError::DuplicateUid(uid));
        }
        if !neurons.iter().any(|neuron| neuron.uid == uid) {
            return Err(ChainError::UidOutOfRange { uid, neurons: neurons.len() });
        }
    }
    if neurons.iter().any(|neuron| neuron.hotkey == *signer && is_for_itself(neuron, weights)) {
        return Ok(());
    }
    let needed = usize::from(rules.min_allowed_weights).min(neurons.len());
    if weights.uids.len() < needed {
        return Err(ChainError::TooFewWeights { given: weights.uids.len(), needed });
    }
    if rules.max_weights_limit < u16::MAX {
        let sum: u64 = weights.values.iter().map(|value| u64::from(*value)).sum();
        let limit = rules.max_weights_limit;
        let too_large = |value: u16| u64::from(value) * u64::from(u16::MAX) > u64::from(limit) * sum;
        if let Some(place) = weights.values.iter().position(|value| too_large(*value)) {
            return Err(ChainError::WeightTooLarge { uid: weights.uids[place], limit });
        }
    }
    Ok(())
}

/// Checks that a commitment fits a slot.
///
/// # Errors
/// [`ChainError::CommitmentTooLong`].
pub fn check_commitment(data: &[u8]) -> Result<(), ChainError> {
    if data.len() > MAX_COMMITMENT_BYTES {
        return Err(ChainError::CommitmentTooLong { bytes: data.len(), limit: MAX_COMMITMENT_BYTES });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Uid;

    fn neuron(uid: u16) -> Neuron {
        Neuron {
            uid: Uid(uid),
            hotkey: Hotkey([uid as u8; 32]),
            coldkey: None,
            stake_rao: 1_000,
            validator_permit: uid == 0,
            registered_at: BlockNumber(1),
            last_update: (uid == 0).then_some(BlockNumber(100)),
            incentive: 0,
        }
    }

    fn check(
        change: impl FnOnce(&mut WeightSubmission, &mut Vec<Neuron>, &mut Hyperparameters, &mut Hotkey, &mut u64),
    ) -> Result<(), ChainError> {
        check_owned(None, change)
    }

    fn check_owned(
        owner: Option<Hotkey>,
        change: impl FnOnce(&mut WeightSubmission, &mut Vec<Neuron>, &mut Hyperparameters, &mut Hotkey, &mut u64),
    ) -> Result<(), ChainError> {
        let mut weights = WeightSubmission {
            uids: vec![Uid(1), Uid(2)],
            values: vec![65_535, 13_107],
            version_key: 3,
            holders: vec![Hotkey([1; 32]), Hotkey([2; 32])],
            salt: [0; 8],
        };
        let mut neurons = vec![neuron(0), neuron(1), neuron(2)];
        let mut rules = Hyperparameters { weights_set_rate_limit_blocks: 10, ..Hyperparameters::default() };
        let (mut signer, mut at) = (Hotkey([0; 32]), 110);
        change(&mut weights, &mut neurons, &mut rules, &mut signer, &mut at);
        check_weights(Netuid(2), &signer, &weights, &neurons, &rules, owner, BlockNumber(at))
    }

    #[test]
    fn good_weights_pass() {
        assert_eq!(check(|_, _, _, _, _| ()), Ok(()));
    }

    #[test]
    fn each_check_names_itself() {
        use ChainError::*;
        let changed = |found| UidChangedHands { uid: Uid(2), expected: Hotkey([2; 32]), found };
        let cases = [
            (check(|w, _, _, _, _| w.values.truncate(1)), LengthMismatch { uids: 2, values: 1 }),
            (check(|_, _, _, s, _| *s = Hotkey([9; 32])), NotRegistered { hotkey: Hotkey([9; 32]), netuid: Netuid(2) }),
            (check(|_, _, r, _, _| r.stake_threshold_rao = 1_001), StakeTooLow { stake_rao: 1_000, needed_rao: 1_001 }),
            (check(|_, _, r, _, _| r.weights_version_key = 4), VersionKeyTooOld { given: 3, needed: 4 }),
            (check(|_, _, _, _, at| *at = 107), RateLimited { blocks_left: 3 }),
            (check(|_, n, _, _, at| (*at, n[0].last_update) = (9, None)), RateLimited { blocks_left: 2 }),
            (check(|_, n, _, _, _| n[0].validator_permit = false), NoValidatorPermit(Hotkey([0; 32]))),
            (check(|w, _, _, _, _| w.holders.truncate(1)), HolderUnknown(Uid(2))),
            (check(|_, n, _, _, _| n[2].hotkey = Hotkey([9; 32])), changed(Some(Hotkey([9; 32])))),
            (check(|_, n, _, _, _| n.truncate(2)), changed(None)),
            (check(|w, _, _, _, _| (w.uids[1], w.holders[1]) = (w.uids[0], w.holders[0])), DuplicateUid(Uid(1))),
            (check(|_, _, r, _, _| r.min_allowed_weights = 200), TooFewWeights { given: 2, needed: 3 }),
            (check(|_, _, r, _, _| r.max_weights_limit = 50_000), WeightTooLarge { uid: Uid(1), limit: 50_000 }),
        ];
        for (result, expected) in cases {
            assert_eq!(result, Err(expected));
        }
        assert!(changed(None).is_temporary(), "the neurons are read again");
    }

    #[test]
    fn the_pause_counts_from_the_registration_but_not_from_block_0() {
        assert_eq!(check(|_, n, _, _, at| (*at, n[0].last_update) = (11, None)), Ok(()));
        let genesis =
            |n: &mut Vec<Neuron>, at: &mut u64| (n[0].last_update, n[0].registered_at, *at) = (None, BlockNumber(0), 1);
        assert_eq!(check(|_, n, _, _, at| genesis(n, at)), Ok(()));
    }

    #[test]
    fn the_owner_needs_no_permit_but_its_stake() {
        let (own, other) = (Some(Hotkey([0; 32])), Some(Hotkey([1; 32])));
        let refused = Err(ChainError::NoValidatorPermit(Hotkey([0; 32])));
        assert_eq!(check_owned(own, |_, n, _, _, _| n[0].validator_permit = false), Ok(()));
        assert_eq!(check_owned(other, |_, n, _, _, _| n[0].validator_permit = false), refused);
        let poor = check_owned(own, |_, n, r, _, _| (n[0].validator_permit, r.stake_threshold_rao) = (false, 1_001));
        assert_eq!(poor, Err(ChainError::StakeTooLow { stake_rao: 1_000, needed_rao: 1_001 }));
    }

    #[test]
    fn a_single_weight_for_oneself_is_free_of_permit_number_and_limit() {
        let alone = |uid: u16| {
            check(|w, _, r, s, _| {
                (w.uids, w.values, w.holders) = (vec![Uid(uid)], vec![65_535], vec![Hotkey([uid as u8; 32])]);
                (r.min_allowed_weights, r.max_weights_limit, *s) = (2, 50_000, Hotkey([1; 32]));
            })
        };
        assert_eq!(alone(1), Ok(()));
        assert_eq!(alone(2), Err(ChainError::NoValidatorPermit(Hotkey([1; 32]))));
    }

    #[test]
    fn the_chain_itself_asks_for_no_holders() {
        let neurons = [neuron(0), neuron(1)];
        let weights = |uid| WeightSubmission {
            uids: vec![Uid(uid)],
            values: vec![1],
            version_key: 0,
            holders: vec![],
            salt: [0; 8],
        };
        let (rules, at) = (Hyperparameters::default(), BlockNumber(500));
        let call = |uid| check_call(Netuid(2), &Hotkey([0; 32]), &weights(uid), &neurons, &rules, None, at);
        assert_eq!(call(1), Ok(()));
        assert_eq!(call(3), Err(ChainError::UidOutOfRange { uid: Uid(3), neurons: 2 }));
    }
}
