//! Transactions of which the node does not say what became: found later, and never sent beside each other.

use kinitro::chain::{Chain, ChainError, DevNodeFault, WeightSubmission, WeightsForm, WeightsReceipt};
use kinitro::domain::{BlockNumber, Uid};

use super::chain_suite::{Subnet, key};
use super::dev_node::{metadata, runtime, settings};
use super::{DevRuntime, Hyperparameters, NETUID, NodeChain, NodeSettings, NodeSubnet, metadata_without};

/// Blocks after which no transaction lives any more.
const LIFE: u64 = 64;
const TEMPO: u16 = 20;

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

/// A runtime where weights are committed by their hash.
fn hashes_alone() -> DevRuntime {
    DevRuntime::new(500, metadata_without(&metadata(461), "commit_timelocked_weights"))
}

/// A chain that takes weights in this form, with this pause between two.
async fn taking(form: WeightsForm, weights_set_rate_limit_blocks: u64) -> NodeSubnet {
    let runtime = if form == WeightsForm::Hashed { hashes_alone() } else { runtime(461) };
    let subnet = NodeSubnet::of(runtime).await;
    let rules = Hyperparameters {
        tempo: TEMPO,
        weights_set_rate_limit_blocks,
        commit_reveal_weights_enabled: form != WeightsForm::Plain,
        ..Hyperparameters::default()
    };
    subnet.set_rules(&rules);
    subnet.finalize();
    subnet
}

fn weights(uid: u16, salt: u16) -> WeightSubmission {
    let (holders, salt) = (vec![key(uid).hotkey()], [salt; 8]);
    WeightSubmission { uids: vec![Uid(uid)], values: vec![65_535], version_key: 0, holders, salt }
}

async fn send(subnet: &NodeSubnet, uid: u16, salt: u16) -> Result<WeightsReceipt, ChainError> {
    subnet.client.submit_weights(&key(0), NETUID, &weights(uid, salt)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_pool_thinks_of_a_transaction_that_went_out_is_no_refusal() {
    for (status, cause) in [("invalid", "invalid"), ("dropped", "dropped it"), ("usurped", "another transaction")] {
        let subnet = taking(WeightsForm::Hashed, 0).await;
        subnet.node.inject(tell(status));
        let taken = BlockNumber(subnet.chain.advance(0).unwrap().0 + 1);
        assert_unknown(send(&subnet, 1, 7).await, cause);
        assert_eq!(subnet.chain.advance(0).unwrap(), taken, "{status}: signed once");
        let waits = send(&subnet, 1, 7).await.unwrap_err();
        assert!(matches!(waits, ChainError::StillUnderWay { .. }), "{status}: {waits}");
        subnet.finalize();
        let found = WeightsReceipt { block: taken, form: WeightsForm::Hashed };
        assert_eq!(send(&subnet, 1, 7).await, Ok(found), "{status}: found, not sent again");
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

/// The pause that the first transaction began, or the hash that it used up, would refuse the second one.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_found_before_anything_is_checked() {
    use WeightsForm::{Hashed, Plain, Timelocked};
    for (form, salt, is_same) in [(Plain, 8, true), (Timelocked, 8, true), (Hashed, 7, true), (Hashed, 8, false)] {
        let subnet = taking(form, 12).await;
        subnet.chain.advance(12).unwrap();
        subnet.node.inject(tell("dropped"));
        let block = BlockNumber(subnet.chain.advance(0).unwrap().0 + 1);
        assert_unknown(send(&subnet, 1, 7).await, "dropped");
        subnet.finalize();
        let expected = match is_same {
            true => Ok(WeightsReceipt { block, form }),
            false => Err(ChainError::RateLimited { blocks_left: 7 }),
        };
        assert_eq!(send(&subnet, 1, salt).await, expected, "{form:?}, salt {salt}");
        assert_eq!(send(&subnet, 2, 7).await, Err(ChainError::RateLimited { blocks_left: 7 }), "others are checked");
    }
    let subnet = taking(Hashed, 0).await;
    let to_next_epoch = || while !subnet.chain.advance(1).unwrap().0.is_multiple_of(TEMPO.into()) {};
    to_next_epoch();
    send(&subnet, 1, 7).await.unwrap();
    to_next_epoch();
    subnet.node.inject(tell("invalid"));
    let revealed = BlockNumber(subnet.chain.advance(0).unwrap().0 + 1);
    let reveal = async || {
        let receipt = subnet.client.reveal_weights(&key(0), NETUID, &weights(1, 7)).await;
        receipt.map(|receipt| receipt.block)
    };
    assert_unknown(reveal().await, "invalid");
    subnet.finalize();
    assert_eq!(reveal().await, Ok(revealed));
    assert_eq!(reveal().await, Err(ChainError::CommitNotFound), "asked for anew it is checked");
}

/// A runtime whose blocks take a millisecond.
fn fast() -> DevRuntime {
    let mut described = metadata(461);
    let name = described.windows(12).position(|bytes| bytes == b"SlotDuration").unwrap();
    // The constant's bytes with their length before them: 250 ms.
    let value = [32, 250, 0, 0, 0, 0, 0, 0, 0];
    let place = name + described[name..].windows(9).position(|bytes| bytes == value).unwrap();
    described[place + 1] = 1;
    DevRuntime::new(461, described)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_between_forks_is_not_waited_for_for_ever() {
    let subnet = NodeSubnet::of(fast()).await;
    let second = std::time::Duration::from_secs(1);
    let settings = settings(&subnet.chain, &[&subnet.node]);
    let impatient = NodeSettings { inclusion_timeout: second, finality_timeout: second, ..settings };
    let client = NodeChain::connect(impatient).await.unwrap();
    subnet.node.inject(DevNodeFault::Waver);
    let block = BlockNumber(subnet.chain.advance(0).unwrap().0 + 1);
    let signer = key(1);
    let waiting = client.set_commitment(&signer, NETUID, b"{}");
    let given_up = tokio::time::timeout(second * 60, waiting).await.expect("an end of waiting").unwrap_err();
    let ends = [ChainError::NotIncluded { seconds: 2 }, ChainError::NotFinal { block, seconds: 2 }];
    assert!(ends.contains(&given_up) && given_up.is_of_unknown_fate(), "{given_up}");
    subnet.finalize();
    assert_eq!(client.set_commitment(&signer, NETUID, b"{}").await.map(|receipt| receipt.block), Ok(block));
}
