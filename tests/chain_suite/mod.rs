//! What every chain must do, whoever implements it. Each implementation brings a [`Subnet`] and runs [`all`].

use kinitro::beacon::OperatorKey;
use kinitro::chain::{
    Chain, ChainError, CommitmentData, DevFault, Hyperparameters, Neuron, WeightSubmission, submissions,
};
use kinitro::domain::{BlockHash, BlockNumber, BlockRef, Netuid, Uid};

/// A chain with a subnet of its own: a validator in uid 0, miners in uids 1 and 2, nobody else.
pub trait Subnet {
    /// The chain.
    fn chain(&self) -> &dyn Chain;
    /// The subnet.
    fn netuid(&self) -> Netuid;
    /// Waits or makes blocks until everything that was written is final.
    fn finalize(&self);
    /// Makes one block.
    fn advance(&self);
    /// Changes the subnet's rules.
    fn set_rules(&self, rules: &Hyperparameters);
    /// Gives a uid to another hotkey.
    fn replace(&self, uid: Uid, hotkey: &OperatorKey);
    /// Lets something go wrong.
    fn inject(&self, fault: DevFault);
}

/// The key of the validator (0), of a miner (1, 2) or of a stranger (any other number).
pub fn key(number: u16) -> OperatorKey {
    OperatorKey::dev(&format!("suite-{number}"))
}

async fn head(subnet: &dyn Subnet) -> BlockRef {
    subnet.chain().finalized_head().await.unwrap()
}

async fn neurons(subnet: &dyn Subnet) -> Vec<Neuron> {
    let at = head(subnet).await;
    subnet.chain().neurons_at(subnet.netuid(), &at).await.unwrap()
}

async fn commit(subnet: &dyn Subnet, number: u16, data: &[u8]) -> Result<BlockNumber, ChainError> {
    let receipt = subnet.chain().set_commitment(&key(number), subnet.netuid(), data).await?;
    Ok(receipt.block)
}

async fn commitment(subnet: &dyn Subnet, number: u16, at: &BlockRef) -> Option<(BlockNumber, Vec<u8>)> {
    let all = subnet.chain().commitments_at(subnet.netuid(), at).await.unwrap();
    let mine = all.into_iter().find(|commitment| commitment.hotkey == key(number).hotkey())?;
    match mine.data {
        CommitmentData::Bytes(data) => Some((mine.block, data)),
        CommitmentData::Opaque(fields) => panic!("plain bytes came back as {fields:?}"),
    }
}

fn weights(values: &[(u16, u16)]) -> WeightSubmission {
    WeightSubmission {
        uids: values.iter().map(|(uid, _)| Uid(*uid)).collect(),
        values: values.iter().map(|(_, value)| *value).collect(),
        version_key: 0,
        holders: values.iter().map(|(uid, _)| key(*uid).hotkey()).collect(),
        salt: [0; 8],
    }
}

async fn submit(subnet: &dyn Subnet, number: u16, submission: &WeightSubmission) -> Result<BlockNumber, ChainError> {
    let receipt = subnet.chain().submit_weights(&key(number), subnet.netuid(), submission).await?;
    Ok(receipt.block)
}

async fn blocks_below_the_finalized_head_have_one_hash_and_others_none(subnet: &dyn Subnet) {
    let before = head(subnet).await;
    subnet.finalize();
    let after = head(subnet).await;
    assert!(after.number > before.number);
    assert_eq!(subnet.chain().block_hash(before.number).await.unwrap(), before.hash);
    assert_eq!(subnet.chain().block_hash(after.number).await.unwrap(), after.hash);
    assert_ne!(before.hash, after.hash);
    assert_eq!(subnet.chain().block_hash(BlockNumber(0)).await.unwrap(), subnet.chain().genesis());
    let far = BlockNumber(after.number.0 + 1_000_000);
    let error = subnet.chain().block_hash(far).await.unwrap_err();
    assert!(matches!(error, ChainError::NotFinalized { asked, .. } if asked == far), "{error}");
}

async fn state_is_refused_at_a_block_of_another_chain(subnet: &dyn Subnet) {
    let foreign = BlockRef { hash: BlockHash([7; 32]), ..head(subnet).await };
    let error = subnet.chain().neurons_at(subnet.netuid(), &foreign).await.unwrap_err();
    assert_eq!(error, ChainError::UnknownBlock(foreign));
}

async fn a_subnet_that_does_not_exist_is_named(subnet: &dyn Subnet) {
    let (at, nowhere) = (head(subnet).await, Netuid(4_000));
    let error = subnet.chain().neurons_at(nowhere, &at).await.unwrap_err();
    assert_eq!(error, ChainError::UnknownSubnet(nowhere));
    let error = subnet.chain().set_commitment(&key(1), nowhere, b"{}").await.unwrap_err();
    assert_eq!(error, ChainError::UnknownSubnet(nowhere));
}

async fn neurons_come_by_uid(subnet: &dyn Subnet) {
    let neurons = neurons(subnet).await;
    assert_eq!(neurons.iter().map(|neuron| neuron.uid.0).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(neurons.iter().zip(0..).all(|(neuron, number)| neuron.hotkey == key(number).hotkey()));
    assert!(neurons[0].validator_permit && !neurons[1].validator_permit);
}

async fn a_commitment_is_dated_by_its_block_and_overwritten_by_the_next(subnet: &dyn Subnet) {
    let before = head(subnet).await;
    let first = commit(subnet, 1, b"first").await.unwrap();
    subnet.finalize();
    let between = head(subnet).await;
    let second = commit(subnet, 1, b"second").await.unwrap();
    subnet.finalize();
    let after = head(subnet).await;
    assert!(before.number < first && first <= between.number && between.number < second);
    assert_eq!(commitment(subnet, 1, &before).await, None);
    assert_eq!(commitment(subnet, 1, &between).await, Some((first, b"first".to_vec())));
    assert_eq!(commitment(subnet, 1, &after).await, Some((second, b"second".to_vec())));
}

async fn commitments_are_kept_byte_for_byte_up_to_their_limit(subnet: &dyn Subnet) {
    let bytes: Vec<u8> = (0..=255).chain(0..=255).collect();
    commit(subnet, 2, &bytes).await.unwrap();
    subnet.finalize();
    assert_eq!(commitment(subnet, 2, &head(subnet).await).await.unwrap().1, bytes);
    let error = commit(subnet, 2, &[0; 513]).await.unwrap_err();
    assert_eq!(error, ChainError::CommitmentTooLong { bytes: 513, limit: 512 });
}

async fn strangers_can_neither_commit_nor_set_weights(subnet: &dyn Subnet) {
    let expected = ChainError::NotRegistered { hotkey: key(99).hotkey(), netuid: subnet.netuid() };
    assert_eq!(commit(subnet, 99, b"{}").await.unwrap_err(), expected);
    assert_eq!(submit(subnet, 99, &weights(&[(1, 65_535)])).await.unwrap_err(), expected);
}

async fn the_space_for_commitments_is_limited_and_comes_back(subnet: &dyn Subnet) {
    let mut written = 0;
    let error = loop {
        match commit(subnet, 2, b"small").await {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 1_000, "no limit was met");
    };
    let ChainError::SpaceLimitExceeded { blocks_left } = error else { panic!("{error}") };
    for _ in 0..blocks_left {
        subnet.finalize();
    }
    commit(subnet, 2, b"small").await.unwrap();
}

async fn weights_are_read_as_they_were_set(subnet: &dyn Subnet) {
    let before = head(subnet).await;
    let block = submit(subnet, 0, &weights(&[(1, 65_535), (2, 100)])).await.unwrap();
    subnet.finalize();
    let after = head(subnet).await;
    let read = |at: BlockRef| async move { subnet.chain().weights_at(subnet.netuid(), Uid(0), &at).await.unwrap() };
    assert_eq!(read(before).await, []);
    assert_eq!(read(after).await, [(Uid(1), 65_535), (Uid(2), 100)]);
    let neurons = neurons(subnet).await;
    assert_eq!(neurons[0].last_update, Some(block));
    // Shares of 65635, of 65535.
    assert_eq!(neurons.iter().map(|neuron| neuron.incentive).collect::<Vec<_>>(), [0, 65_435, 99]);
}

async fn weights_set_too_soon_are_refused_with_the_time_to_wait(subnet: &dyn Subnet) {
    subnet.set_rules(&Hyperparameters { weights_set_rate_limit_blocks: 50, ..Hyperparameters::default() });
    let submission = weights(&[(1, 65_535)]);
    for _ in 0..50 {
        subnet.finalize();
    }
    submit(subnet, 0, &submission).await.unwrap();
    let ChainError::RateLimited { blocks_left } = submit(subnet, 0, &submission).await.unwrap_err() else {
        panic!("not a rate limit")
    };
    assert!((1..=50).contains(&blocks_left));
    for _ in 0..blocks_left {
        subnet.finalize();
    }
    submit(subnet, 0, &submission).await.unwrap();
    subnet.set_rules(&Hyperparameters { weights_set_rate_limit_blocks: 0, ..Hyperparameters::default() });
}

async fn wrong_weights_are_refused_by_their_fault(subnet: &dyn Subnet) {
    let rules = Hyperparameters { weights_set_rate_limit_blocks: 0, ..Hyperparameters::default() };
    subnet.set_rules(&rules);
    let short = WeightSubmission { values: vec![1], ..weights(&[(1, 1), (2, 2)]) };
    let error = submit(subnet, 0, &short).await.unwrap_err();
    assert_eq!(error, ChainError::LengthMismatch { uids: 2, values: 1 });
    let error = submit(subnet, 0, &weights(&[(1, 1), (1, 2)])).await.unwrap_err();
    assert_eq!(error, ChainError::DuplicateUid(Uid(1)));
    let error = submit(subnet, 0, &weights(&[(1, 1), (77, 2)])).await.unwrap_err();
    assert!(matches!(error, ChainError::UidChangedHands { uid: Uid(77), found: None, .. }), "{error}");
    let error = submit(subnet, 1, &weights(&[(2, 1)])).await.unwrap_err();
    assert_eq!(error, ChainError::NoValidatorPermit(key(1).hotkey()));
    subnet.set_rules(&Hyperparameters { weights_version_key: 9, ..rules.clone() });
    let error = submit(subnet, 0, &weights(&[(1, 1)])).await.unwrap_err();
    assert_eq!(error, ChainError::VersionKeyTooOld { given: 0, needed: 9 });
    subnet.set_rules(&Hyperparameters { min_allowed_weights: 2, ..rules.clone() });
    let error = submit(subnet, 0, &weights(&[(1, 1)])).await.unwrap_err();
    assert_eq!(error, ChainError::TooFewWeights { given: 1, needed: 2 });
    subnet.set_rules(&Hyperparameters { stake_threshold_rao: u64::MAX / 2, ..rules.clone() });
    let error = submit(subnet, 0, &weights(&[(1, 1)])).await.unwrap_err();
    assert!(matches!(error, ChainError::StakeTooLow { .. }), "{error}");
    subnet.set_rules(&rules);
}

async fn what_a_fork_drops_was_never_final(subnet: &dyn Subnet) {
    subnet.finalize();
    let standing = commitment(subnet, 1, &head(subnet).await).await;
    let (before, hash) = (head(subnet).await, head(subnet).await.hash);
    commit(subnet, 1, b"on the losing branch").await.unwrap();
    subnet.inject(DevFault::Fork);
    subnet.finalize();
    assert_eq!(commitment(subnet, 1, &head(subnet).await).await, standing);
    assert_eq!(subnet.chain().block_hash(before.number).await.unwrap(), hash);
}

async fn a_dropped_connection_is_temporary_and_named(subnet: &dyn Subnet) {
    subnet.inject(DevFault::Disconnect { calls: 2 });
    for _ in 0..2 {
        let error = subnet.chain().finalized_head().await.unwrap_err();
        assert!(matches!(error, ChainError::Disconnected(_)) && error.is_temporary(), "{error}");
    }
    head(subnet).await;
}

async fn a_refusal_for_coming_too_often_is_temporary_and_hits_writes_only(subnet: &dyn Subnet) {
    subnet.inject(DevFault::RateLimit { calls: 1 });
    head(subnet).await;
    let error = submit(subnet, 0, &weights(&[(1, 65_535)])).await.unwrap_err();
    assert!(matches!(error, ChainError::RateLimited { .. }) && error.is_temporary(), "{error}");
    submit(subnet, 0, &weights(&[(1, 65_535)])).await.unwrap();
}

async fn who_takes_over_a_uid_inherits_nothing(subnet: &dyn Subnet) {
    commit(subnet, 2, br#"{"t":"mine"}"#).await.unwrap();
    subnet.finalize();
    let before = head(subnet).await;
    subnet.replace(Uid(2), &key(50));
    subnet.finalize();
    let after = head(subnet).await;
    let netuid = subnet.netuid();
    let joined = |at: BlockRef| async move {
        let neurons = subnet.chain().neurons_at(netuid, &at).await.unwrap();
        submissions(&neurons, &subnet.chain().commitments_at(netuid, &at).await.unwrap())
    };
    let uid_2 = |joined: Vec<kinitro::admission::Submission>| joined.into_iter().find(|one| one.uid == Uid(2));
    assert_eq!(uid_2(joined(before).await).unwrap().hotkey, key(2).hotkey());
    assert_eq!(uid_2(joined(after).await), None);
    assert_eq!(neurons(subnet).await[2].hotkey, key(50).hotkey());
}

async fn the_owner_is_who_was_first(subnet: &dyn Subnet) {
    let at = head(subnet).await;
    assert_eq!(subnet.chain().owner_at(subnet.netuid(), &at).await, Ok(Some(key(0).hotkey())));
    let nowhere = Netuid(subnet.netuid().0 + 1);
    assert_eq!(subnet.chain().owner_at(nowhere, &at).await, Err(ChainError::UnknownSubnet(nowhere)));
}

/// The uid is given away in the newest block, which is not final yet.
async fn who_earned_nothing_is_not_paid_even_by_a_moment(subnet: &dyn Subnet) {
    subnet.finalize();
    let earned = weights(&[(1, 65_535)]);
    let before = head(subnet).await;
    subnet.replace(Uid(1), &key(51));
    subnet.advance();
    let expected = key(1).hotkey();
    let error = submit(subnet, 0, &earned).await.unwrap_err();
    let found = Some(key(51).hotkey());
    assert_eq!(error, ChainError::UidChangedHands { uid: Uid(1), expected, found });
    assert!(error.is_temporary(), "the caller reads the neurons again");
    let at_the_head = subnet.chain().neurons_at(subnet.netuid(), &head(subnet).await).await.unwrap();
    assert_eq!(at_the_head[1].hotkey, expected, "seen at the newest block, not at the finalized head");
    assert!(head(subnet).await.number.0 <= before.number.0 + 1);
}

async fn to_take_a_uid_counts_for_the_pause(subnet: &dyn Subnet) {
    let rules = Hyperparameters { weights_set_rate_limit_blocks: 50, ..Hyperparameters::default() };
    subnet.set_rules(&rules);
    subnet.replace(Uid(1), &key(52));
    subnet.finalize();
    let newcomer = neurons(subnet).await.remove(1);
    assert_eq!((newcomer.hotkey, newcomer.last_update), (key(52).hotkey(), None), "it never set weights");
    let error = submit(subnet, 52, &weights(&[(0, 1)])).await.unwrap_err();
    let ChainError::RateLimited { blocks_left } = error else { panic!("{error}") };
    assert!((1..=50).contains(&blocks_left));
    subnet.set_rules(&Hyperparameters { weights_set_rate_limit_blocks: 0, ..rules });
    let error = submit(subnet, 52, &weights(&[(0, 1)])).await.unwrap_err();
    assert_eq!(error, ChainError::NoValidatorPermit(key(52).hotkey()));
}

async fn there_is_nothing_to_reveal_where_nothing_was_committed(subnet: &dyn Subnet) {
    let error = subnet.chain().reveal_weights(&key(0), subnet.netuid(), &weights(&[(2, 1)])).await.unwrap_err();
    assert_eq!(error, ChainError::CommitNotFound);
}

/// Runs every case, one after the other, on one subnet.
pub async fn all(subnet: &dyn Subnet) {
    subnet.finalize();
    blocks_below_the_finalized_head_have_one_hash_and_others_none(subnet).await;
    state_is_refused_at_a_block_of_another_chain(subnet).await;
    a_subnet_that_does_not_exist_is_named(subnet).await;
    neurons_come_by_uid(subnet).await;
    the_owner_is_who_was_first(subnet).await;
    a_commitment_is_dated_by_its_block_and_overwritten_by_the_next(subnet).await;
    commitments_are_kept_byte_for_byte_up_to_their_limit(subnet).await;
    strangers_can_neither_commit_nor_set_weights(subnet).await;
    weights_are_read_as_they_were_set(subnet).await;
    weights_set_too_soon_are_refused_with_the_time_to_wait(subnet).await;
    wrong_weights_are_refused_by_their_fault(subnet).await;
    what_a_fork_drops_was_never_final(subnet).await;
    a_dropped_connection_is_temporary_and_named(subnet).await;
    a_refusal_for_coming_too_often_is_temporary_and_hits_writes_only(subnet).await;
    the_space_for_commitments_is_limited_and_comes_back(subnet).await;
    there_is_nothing_to_reveal_where_nothing_was_committed(subnet).await;
    who_takes_over_a_uid_inherits_nothing(subnet).await;
    who_earned_nothing_is_not_paid_even_by_a_moment(subnet).await;
    to_take_a_uid_counts_for_the_pause(subnet).await;
}
