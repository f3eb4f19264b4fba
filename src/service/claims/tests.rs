use super::*;
use crate::chain::{DevChain, DevChainSettings, DevFault, Registration};

const NETUID: Netuid = Netuid(2);
const DATA: &[u8] = b"{}";
const IMPATIENT: Duration = Duration::from_millis(1);

/// A chain whose blocks come by hand, with a miner.
fn chain() -> (DevChain, OperatorKey) {
    let settings = DevChainSettings { block_time_ms: 0, ..DevChainSettings::default() };
    let (chain, key) = (DevChain::in_memory(&settings).unwrap(), OperatorKey::dev("miner"));
    chain.register(NETUID, &Registration::miner(key.hotkey())).unwrap();
    chain.advance(10).unwrap();
    (chain, key)
}

async fn send(chain: &DevChain, key: &OperatorKey) -> BlockNumber {
    match write_claim(chain, key, NETUID, DATA).await.unwrap() {
        Sent::In(block) => block,
        Sent::Unknown(cause) => panic!("{cause}"),
    }
}

#[tokio::test]
async fn an_equal_claim_of_an_earlier_block_is_not_the_one_that_was_written() {
    let (chain, key) = chain();
    let first = send(&chain, &key).await;
    chain.advance(10).unwrap();
    let again = may_commit(&chain, key.hotkey(), NETUID, DATA, false).await.unwrap_err();
    assert!(matches!(again, ClaimError::Unchanged { since } if since == first), "{again}");
    let second = send(&chain, &key).await;
    chain.inject(DevFault::Fork).unwrap();
    chain.advance(10).unwrap();
    let lost = read_back(&chain, key.hotkey(), NETUID, (second, DATA), Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(lost, ClaimError::NotThere { older, .. } if older == Some(first)), "{lost}");
    assert!(lost.to_string().contains(&format!("an equal one of block {first}")), "{lost}");

    let third = send(&chain, &key).await;
    chain.advance(10).unwrap();
    chain.inject(DevFault::Disconnect { calls: 1 }).unwrap();
    let unread = read_back(&chain, key.hotkey(), NETUID, (third, DATA), Duration::from_secs(60)).await.unwrap_err();
    assert!(unread.to_string().contains(&format!("block {third} held the claim")), "{unread}");
    let date = read_back(&chain, key.hotkey(), NETUID, (third, DATA), Duration::from_secs(60)).await.unwrap();
    assert_eq!(date, third);
}

#[tokio::test]
async fn a_claim_of_unknown_fate_is_looked_for_and_not_called_refused() {
    let (chain, key) = chain();
    let hotkey = key.hotkey();
    let Ready { head, .. } = may_commit(&chain, hotkey, NETUID, DATA, false).await.unwrap();
    chain.inject(DevFault::Disconnect { calls: 1 }).unwrap();
    let Sent::Unknown(cause) = write_claim(&chain, &key, NETUID, DATA).await.unwrap() else { panic!("it was taken") };
    let open = look_for(&chain, hotkey, NETUID, (head, DATA), (cause.clone(), IMPATIENT)).await.unwrap_err();
    assert!(matches!(open, ClaimError::FateUnknown { .. }), "{open}");
    for needle in ["may still be taken", "show-commitment", "before you send it again"] {
        assert!(open.to_string().contains(needle), "{open}");
    }

    let block = send(&chain, &key).await;
    chain.advance(10).unwrap();
    // The chain cannot be read at first.
    chain.inject(DevFault::Disconnect { calls: 1 }).unwrap();
    let found = look_for(&chain, hotkey, NETUID, (head, DATA), (cause.clone(), Duration::from_secs(60))).await;
    assert_eq!(found.unwrap(), block);
    // The same claim from before a transaction says nothing about the transaction.
    let older = look_for(&chain, hotkey, NETUID, (block, DATA), (cause, IMPATIENT)).await;
    assert!(matches!(older, Err(ClaimError::FateUnknown { .. })), "{older:?}");
}
