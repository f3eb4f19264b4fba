//! Transactions of which the node does not say what became: found later, and never sent beside each other.

use kinitro::chain::{Chain, ChainError, DevNodeFault, WeightSubmission, WeightsForm, WeightsReceipt};
use kinitro::domain::{BlockNumber, Uid};

use super::chain_suite::{Subnet, key};
use super::dev_node::{metadata, runtime};
use super::{DevRuntime, Hyperparameters, NETUID, NodeSubnet, metadata_without};

/// Blocks after which no transaction lives any more.
const LIFE: u64 = 64;

fn tell(status: &str) -> DevNodeFault {
    DevNodeFault::TellInstead { status: status.into() }
}

fn assert_unknown<T: std::fmt::Debug>(result: Result<T, ChainError>, cause: &str) {
    let error = result.unwrap_err();
    assert!(matches!(&error, ChainError::FateUnknown { cause: found } if found.contains(cause)), "{error}");
    assert!(error.is_of_unknown_fate() && error.is_temporary());
    assert!(error.to_string().contains("look at the chain"), "{error}");
}

/// The dates of the slots that stand at the finalized head.
async fn dates(subnet: &NodeSubnet) -> Vec<BlockNumber> {
    let slots = subnet.client.commitments_at(NETUID, &subnet.head().await).await.unwrap();
    slots.into_iter().map(|slot| slot.block).collect()
}

/// A chain where weights are committed by their hash.
async fn hashed(weights_set_rate_limit_blocks: u64) -> NodeSubnet {
    let described = metadata_without(&metadata(461), "commit_timelocked_weights");
    let subnet = NodeSubnet::of(DevRuntime::new(500, described)).await;
    let rules = Hyperparameters {
        tempo: 200,
        weights_set_rate_limit_blocks,
        commit_reveal_weights_enabled: true,
        ..Hyperparameters::default()
    };
    subnet.set_rules(&rules);
    subnet.finalize();
    subnet
}

async fn commit_hash(subnet: &NodeSubnet, salt: u16) -> Result<WeightsReceipt, ChainError> {
    let (holders, salt) = (vec![key(1).hotkey()], [salt; 8]);
    let weights = WeightSubmission { uids: vec![Uid(1)], values: vec![65_535], version_key: 0, holders, salt };
    subnet.client.submit_weights(&key(0), NETUID, &weights).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_pool_thinks_of_a_transaction_that_went_out_is_no_refusal() {
    for (status, cause) in [("invalid", "invalid"), ("dropped", "dropped it"), ("usurped", "another transaction")] {
        let subnet = hashed(0).await;
        subnet.node.inject(tell(status));
        let taken = BlockNumber(subnet.chain.advance(0).unwrap().0 + 1);
        assert_unknown(commit_hash(&subnet, 7).await, cause);
        assert_eq!(subnet.chain.advance(0).unwrap(), taken, "{status}: signed once");
        let waits = commit_hash(&subnet, 7).await.unwrap_err();
        assert!(matches!(waits, ChainError::StillUnderWay { .. }), "{status}: {waits}");
        subnet.finalize();
        let found = WeightsReceipt { block: taken, form: WeightsForm::Hashed };
        assert_eq!(commit_hash(&subnet, 7).await, Ok(found), "{status}: found, not sent again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_the_pools_is_no_refusal() {
    let subnet = NodeSubnet::new(461).await;
    for code in [-32_603, 1_002, 1_017] {
        subnet.node.inject(DevNodeFault::RefuseAtPool { code, data: "busy".into() });
        let begun = subnet.head().await.number;
        assert_unknown(subnet.commit(b"{}").await, "busy");
        let waits = ChainError::StillUnderWay { blocks_left: LIFE - 1 };
        assert_eq!(subnet.commit(b"other").await, Err(waits), "{code}: it may be on its way");
        subnet.chain.advance(LIFE - 1).unwrap();
        assert_eq!(subnet.head().await.number.0, begun.0 + LIFE - 1);
        subnet.commit(b"other").await.unwrap();
        subnet.finalize();
    }
    subnet.node.inject(DevNodeFault::RefuseAtPool { code: 1016, data: "full".into() });
    let refused = subnet.commit(b"{}").await.unwrap_err();
    assert!(matches!(&refused, ChainError::Refused(why) if why.contains("full")), "{refused}");
    subnet.commit(b"{}").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_after_sending_leaves_the_fate_unknown() {
    let subnet = NodeSubnet::new(461).await;
    subnet.node.inject(DevNodeFault::RefuseBodies { code: -32_005, message: "limit exceeded".into() });
    let taken = BlockNumber(subnet.chain.advance(0).unwrap().0 + 1);
    assert_unknown(subnet.commit(b"{}").await, "limit exceeded");
    subnet.finalize();
    let limited = subnet.commit(b"{}").await.unwrap_err();
    assert!(matches!(&limited, ChainError::Refused(why) if why.contains("limit exceeded")), "{limited}");
    subnet.node.inject(DevNodeFault::TellBodies);
    assert_eq!(subnet.commit(b"{}").await, Ok(taken), "found, not sent again");
    assert_eq!(dates(&subnet).await, [taken]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_threw_old_blocks_away_holds_no_hotkey_back() {
    let (states, bodies) =
        (DevNodeFault::ForgetStates { kept_blocks: 50 }, DevNodeFault::ForgetBodies { kept_blocks: 50 });
    for fault in [states, bodies] {
        let subnet = NodeSubnet::of(runtime(461)).await;
        subnet.node.inject(tell("dropped"));
        assert_unknown(subnet.commit(b"first").await, "dropped");
        subnet.chain.advance(100).unwrap();
        subnet.node.inject(fault.clone());
        subnet.commit(b"second").await.unwrap();

        subnet.finalize();
        subnet.node.inject(tell("dropped"));
        assert_unknown(subnet.commit(b"third").await, "dropped");
        subnet.chain.advance(100).unwrap();
        assert_unknown(subnet.commit(b"third").await, "pruned");
        let sent = subnet.commit(b"third").await.unwrap();
        subnet.finalize();
        assert_eq!(dates(&subnet).await, [sent], "{fault:?}");
    }
}

/// A node that refuses bodies for ever is asked as long again as the transaction lived.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_tells_no_bodies_holds_no_hotkey_back_for_ever() {
    let subnet = NodeSubnet::new(461).await;
    subnet.node.inject(tell("dropped"));
    assert_unknown(subnet.commit(b"{}").await, "dropped");
    subnet.node.inject(DevNodeFault::RefuseBodies { code: -32_005, message: "limit exceeded".into() });
    subnet.chain.advance(LIFE).unwrap();
    assert!(matches!(subnet.commit(b"{}").await, Err(ChainError::Refused(_))));
    subnet.chain.advance(LIFE).unwrap();
    assert_unknown(subnet.commit(b"{}").await, "limit exceeded");
    subnet.node.inject(DevNodeFault::TellBodies);
    subnet.commit(b"{}").await.unwrap();
}
