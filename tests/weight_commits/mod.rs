//! Weights that are committed first: locked ones, and hashes with a reveal, over a node and on the development chain itself.

use kinitro::chain::{
    Chain, ChainError, DevChain, DevNodeFault, DevRuntime, Hyperparameters, Neuron, NodeChain, Registration,
    WeightSubmission, WeightsForm, WeightsReceipt,
};
use kinitro::domain::{BlockNumber, Uid};

use super::chain_suite::{Subnet, key};
use super::dev_node::{metadata, runtime, settings};
use super::{NETUID, NodeSubnet, metadata_without};

const TEMPO: u16 = 20;

fn rules() -> Hyperparameters {
    Hyperparameters {
        tempo: TEMPO,
        weights_set_rate_limit_blocks: 0,
        commit_reveal_weights_enabled: true,
        ..Hyperparameters::default()
    }
}

fn weights(salt: u16) -> WeightSubmission {
    let holders = vec![key(1).hotkey(), key(2).hotkey()];
    WeightSubmission { uids: vec![Uid(1), Uid(2)], values: vec![65_535, 9], version_key: 0, holders, salt: [salt; 8] }
}

/// Makes blocks until the next one is the second of an epoch.
fn to_next_epoch(chain: &DevChain) {
    while !chain.advance(1).unwrap().0.is_multiple_of(TEMPO.into()) {}
}

/// A runtime that has hashes alone.
fn without_timelock() -> DevRuntime {
    DevRuntime::new(500, metadata_without(&metadata(461), "commit_timelocked_weights"))
}

async fn subnet(runtime: DevRuntime) -> NodeSubnet {
    let subnet = NodeSubnet::of(runtime).await;
    subnet.set_rules(&rules());
    subnet
}

async fn submit(subnet: &NodeSubnet, salt: u16) -> Result<WeightsReceipt, ChainError> {
    subnet.client.submit_weights(&key(0), NETUID, &weights(salt)).await
}

async fn reveal(chain: &dyn Chain, salt: u16) -> Result<BlockNumber, ChainError> {
    chain.reveal_weights(&key(0), NETUID, &weights(salt)).await.map(|receipt| receipt.block)
}

/// The validator and its weights, once everything is final.
async fn standing(subnet: &NodeSubnet) -> (Neuron, Vec<(Uid, u16)>) {
    subnet.finalize();
    let at = subnet.head().await;
    let neurons = subnet.client.neurons_at(NETUID, &at).await.unwrap();
    (neurons[0].clone(), subnet.client.weights_at(NETUID, Uid(0), &at).await.unwrap())
}

async fn hashes_are_committed_and_revealed(subnet: NodeSubnet) {
    to_next_epoch(&subnet.chain);
    let committed = submit(&subnet, 7).await.unwrap();
    assert_eq!(committed.form, WeightsForm::Hashed);
    let (validator, before) = standing(&subnet).await;
    assert_eq!((validator.last_update, before), (Some(committed.block), vec![]), "a commit counts, and shows nothing");
    for chain in [&subnet.client as &dyn Chain, &subnet.chain] {
        let early = reveal(chain, 7).await.unwrap_err();
        assert!(early == ChainError::NotInRevealRange && early.is_temporary(), "{early}");
        assert_eq!(reveal(chain, 8).await, Err(ChainError::CommitNotFound), "another salt");
    }

    to_next_epoch(&subnet.chain);
    subnet.chain.replace(NETUID, Uid(2), &Registration::miner(key(60).hotkey())).unwrap();
    subnet.chain.advance(1).unwrap();
    let (uid, expected, found) = (Uid(2), key(2).hotkey(), Some(key(60).hotkey()));
    let changed = ChainError::UidChangedHands { uid, expected, found };
    assert_eq!(reveal(&subnet.client, 7).await, Err(changed.clone()));
    assert_eq!(reveal(&subnet.chain, 7).await, Err(changed));
    subnet.chain.replace(NETUID, Uid(2), &Registration::miner(key(2).hotkey())).unwrap();
    subnet.chain.advance(1).unwrap();

    subnet.set_rules(&Hyperparameters { commit_reveal_weights_enabled: false, ..rules() });
    for chain in [&subnet.client as &dyn Chain, &subnet.chain] {
        assert_eq!(reveal(chain, 7).await, Err(ChainError::CommitRevealDisabled(NETUID)));
    }
    subnet.set_rules(&rules());
    reveal(&subnet.client, 7).await.unwrap();
    let (validator, after) = standing(&subnet).await;
    assert_eq!(after, [(Uid(1), 65_535), (Uid(2), 9)]);
    assert_eq!(validator.last_update, Some(committed.block), "to reveal is not to set");
    assert_eq!(reveal(&subnet.client, 7).await, Err(ChainError::CommitNotFound), "revealed already");

    submit(&subnet, 9).await.unwrap();
    to_next_epoch(&subnet.chain);
    to_next_epoch(&subnet.chain);
    for chain in [&subnet.client as &dyn Chain, &subnet.chain] {
        assert_eq!(reveal(chain, 9).await, Err(ChainError::CommitNotFound), "its epoch is past");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_without_the_timelock_takes_hashes_and_their_reveal() {
    hashes_are_committed_and_revealed(subnet(without_timelock()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_takes_another_form_of_locked_weights_takes_hashes() {
    let subnet = subnet(runtime(461)).await;
    subnet.node.inject(DevNodeFault::CommitVersion { version: 5 });
    hashes_are_committed_and_revealed(subnet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_with_no_way_to_commit_weights_is_refused_by_the_names_of_both() {
    let subnet = subnet(runtime(461)).await;
    let neither = metadata_without(&metadata_without(&metadata(461), "commit_timelocked_weights"), "reveal_weights");
    subnet.node.upgrade(&runtime(461).serving(neither)).unwrap();
    subnet.finalize();
    subnet.finalize();
    let refused = NodeChain::connect(settings(&subnet.chain, &[&subnet.node])).await.err().unwrap();
    let missing = ["call SubtensorModule.commit_timelocked_weights", "call SubtensorModule.reveal_weights"];
    let missing = missing.map(str::to_owned).to_vec();
    assert_eq!(refused, ChainError::Incompatible { spec_version: 461, missing });
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_count_for_the_pause_and_ten_wait_at_most() {
    for (runtime, form) in [(runtime(461), WeightsForm::Timelocked), (without_timelock(), WeightsForm::Hashed)] {
        let subnet = subnet(runtime).await;
        to_next_epoch(&subnet.chain);
        for salt in 0..10 {
            assert_eq!(submit(&subnet, salt).await.map(|receipt| receipt.form), Ok(form));
        }
        let refused = submit(&subnet, 10).await.unwrap_err();
        assert!(refused == ChainError::TooManyUnrevealedCommits && refused.is_temporary(), "{refused}");
        to_next_epoch(&subnet.chain);
        to_next_epoch(&subnet.chain);
        let committed = submit(&subnet, 11).await.unwrap().block;
        subnet.set_rules(&Hyperparameters { weights_set_rate_limit_blocks: 15, ..rules() });
        assert_eq!(submit(&subnet, 12).await, Err(ChainError::RateLimited { blocks_left: 14 }));
        assert_eq!(standing(&subnet).await.0.last_update, Some(committed));
    }
}

/// The development chain has the weights in clear, and opens them when a real one would.
#[tokio::test]
async fn the_development_chain_opens_locked_weights_in_their_epoch() {
    let chain = super::dev_node::by_hand("dev");
    chain.register(NETUID, &Registration::validator(key(0).hotkey())).unwrap();
    for number in 1..=2 {
        chain.register(NETUID, &Registration::miner(key(number).hotkey())).unwrap();
    }
    chain.set_hyperparameters(NETUID, &rules()).unwrap();
    to_next_epoch(&chain);
    let receipt = chain.submit_weights(&key(0), NETUID, &weights(1)).await.unwrap();
    assert_eq!(receipt.form, WeightsForm::Timelocked);
    let opened = receipt.block.0 - receipt.block.0 % u64::from(TEMPO) + u64::from(TEMPO);
    let mut blocks = Vec::new();
    while blocks.last().is_none_or(|(block, _)| *block < opened + 1) {
        chain.advance(1).unwrap();
        let at = chain.finalized_head().await.unwrap();
        let found = chain.weights_at(NETUID, Uid(0), &at).await.unwrap();
        let validator = chain.neurons_at(NETUID, &at).await.unwrap().remove(0);
        if at.number >= receipt.block {
            assert_eq!(validator.last_update, Some(receipt.block));
        }
        blocks.push((at.number.0, !found.is_empty()));
    }
    assert!(blocks.iter().all(|(block, stand)| *stand == (*block >= opened)), "{blocks:?}");
}
