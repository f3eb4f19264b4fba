//! A write stands once the block that holds it is final.

use std::time::Duration;

use kinitro::chain::{
    Chain, ChainError, DevChain, DevChainSettings, DevFault, DevNodeFault, NodeChain, NodeSettings, Receipt,
    Registration,
};
use kinitro::domain::BlockNumber;

use super::chain_suite::{Subnet, key};
use super::dev_node::{node, runtime, settings};
use super::{NETUID, NodeSubnet};

const LOOK: Duration = Duration::from_millis(2);
/// Looks at what must come, before it is said that it does not.
const LOOKS: u32 = 10_000;

/// The dates of the slots that stand at the finalized head.
async fn dates(chain: &dyn Chain) -> Vec<BlockNumber> {
    let at = chain.finalized_head().await.unwrap();
    let slots = chain.commitments_at(NETUID, &at).await.unwrap();
    slots.into_iter().map(|slot| slot.block).collect()
}

/// Waits until the chain has a block above `newest`; nobody but the node makes any.
async fn next_block(chain: &DevChain, newest: BlockNumber) -> BlockNumber {
    for _ in 0..LOOKS {
        let now = chain.advance(0).unwrap();
        if now > newest {
            return now;
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("no block above {newest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_a_fork_drops_is_not_told() {
    let subnet = NodeSubnet::new(461).await;
    subnet.node.inject(DevNodeFault::AwaitFinality);
    let chain = &subnet.chain;
    let begun = chain.advance(0).unwrap();
    let write = subnet.commit(b"{}");
    let fork = async {
        let dropped = next_block(chain, begun).await;
        subnet.inject(DevFault::Fork);
        // The transaction goes into a block of the other branch.
        let taken = next_block(chain, dropped).await;
        assert!(dates(chain).await.is_empty(), "neither is final");
        subnet.finalize();
        (dropped, taken)
    };
    let (written, (dropped, taken)) = tokio::join!(write, fork);
    assert_eq!(written, Ok(taken));
    assert!(taken > dropped);
    assert_eq!(dates(chain).await, [taken]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_does_not_become_final_is_told_as_that() {
    let subnet = NodeSubnet::new(461).await;
    subnet.node.inject(DevNodeFault::AwaitFinality);
    let settings = settings(&subnet.chain, &[&subnet.node]);
    let impatient = NodeSettings { finality_timeout: Duration::from_secs(1), ..settings };
    let client = NodeChain::connect(impatient).await.unwrap();
    let block = BlockNumber(subnet.chain.advance(0).unwrap().0 + 1);
    let waiting = client.set_commitment(&key(1), NETUID, b"{}").await.unwrap_err();
    assert_eq!(waiting, ChainError::NotFinal { block, seconds: 1 });
    assert!(waiting.is_temporary() && waiting.is_of_unknown_fate());
    let again = client.set_commitment(&key(1), NETUID, b"{}").await.unwrap_err();
    assert!(matches!(again, ChainError::StillUnderWay { .. }), "{again}");
    subnet.finalize();
    assert_eq!(client.set_commitment(&key(1), NETUID, b"{}").await, Ok(Receipt { block }), "found, not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_died_makes_room_for_the_next() {
    let slow = DevChainSettings { block_time_ms: 3_600_000, ..DevChainSettings::default() };
    let chain = DevChain::in_memory(&slow).unwrap();
    chain.register(NETUID, &Registration::miner(key(1).hotkey())).unwrap();
    chain.advance(5).unwrap();
    let (first, second) = (node(&chain, runtime(461)).await, node(&chain, runtime(461)).await);
    let both = settings(&chain, &[&first, &second]);
    let client = NodeChain::connect(NodeSettings { inclusion_timeout: Duration::from_secs(1), ..both }).await.unwrap();
    let signer = key(1);
    let lost = client.set_commitment(&signer, NETUID, b"first").await.unwrap_err();
    assert_eq!(lost, ChainError::NotIncluded { seconds: 1 });
    // The block that would have held it is replaced by an empty one, and the node that knows of it is gone.
    drop(first);
    chain.inject(DevFault::Fork).unwrap();
    let mut reached = client.finalized_head().await;
    for _ in 0..LOOKS {
        if reached.is_ok() {
            break;
        }
        tokio::time::sleep(LOOK).await;
        reached = client.finalized_head().await;
    }
    reached.unwrap();
    let left = |error| match error {
        Err(ChainError::StillUnderWay { blocks_left }) => blocks_left,
        other => panic!("{other:?}"),
    };
    let blocks = left(client.set_commitment(&signer, NETUID, b"second").await);
    chain.advance(blocks - 1).unwrap();
    assert_eq!(left(client.set_commitment(&signer, NETUID, b"second").await), 1);
    chain.advance(1).unwrap();
    let written = with_blocks(&chain, 1, client.set_commitment(&signer, NETUID, b"second")).await.unwrap();
    assert_eq!(dates(&chain).await, [written.block]);
}

/// Makes blocks while something is waited for.
async fn with_blocks<T>(chain: &DevChain, blocks: u64, waiting: impl Future<Output = T>) -> T {
    let making = async {
        for _ in 0..LOOKS {
            chain.advance(blocks).unwrap();
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        done = waiting => done,
        () = making => panic!("{LOOKS} times {blocks} blocks do not bring it"),
    }
}

/// The development chain itself, in the same process.
#[tokio::test(flavor = "multi_thread")]
async fn the_development_chain_waits_for_finality_where_blocks_come_by_themselves() {
    let settings = DevChainSettings { block_time_ms: 20, finality_lag_blocks: 3, ..DevChainSettings::default() };
    let chain = DevChain::in_memory(&settings).unwrap();
    chain.register(NETUID, &Registration::miner(key(1).hotkey())).unwrap();
    let block = chain.set_commitment(&key(1), NETUID, b"{}").await.unwrap().block;
    assert_eq!(dates(&chain).await, [block]);

    chain.inject(DevFault::Stall).unwrap();
    let signer = key(1);
    let forks = async {
        for _ in 0..LOOKS {
            chain.inject(DevFault::Fork).unwrap();
            tokio::time::sleep(LOOK).await;
        }
    };
    let lost = tokio::select! {
        lost = chain.set_commitment(&signer, NETUID, b"lost") => lost,
        () = forks => panic!("{LOOKS} forks do not drop it"),
    };
    assert!(matches!(lost, Err(ChainError::NotIncluded { .. })), "{lost:?}");
}
