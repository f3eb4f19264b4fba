//! The chain's suite on the development chain, and what only that chain can do.

mod chain_suite;

use std::time::Duration;

use chain_suite::{Subnet, all, key};
use kinitro::beacon::{OperatorKey, dev_block_hash};
use kinitro::chain::{Chain, ChainError, DevChain, DevChainSettings, DevFault, Hyperparameters, Registration};
use kinitro::domain::{BlockNumber, Netuid, Uid};

const NETUID: Netuid = Netuid(2);

/// Blocks come by `advance` only.
fn by_hand() -> DevChainSettings {
    DevChainSettings { block_time_ms: 0, finality_lag_blocks: 3, ..DevChainSettings::default() }
}

struct DevSubnet(DevChain);

impl DevSubnet {
    fn new(chain: DevChain) -> DevSubnet {
        chain.register(NETUID, &Registration::validator(key(0).hotkey())).unwrap();
        for number in 1..=2 {
            chain.register(NETUID, &Registration::miner(key(number).hotkey())).unwrap();
        }
        DevSubnet(chain)
    }
}

impl Subnet for DevSubnet {
    fn chain(&self) -> &dyn Chain {
        &self.0
    }
    fn netuid(&self) -> Netuid {
        NETUID
    }
    fn finalize(&self) {
        self.0.advance(by_hand().finality_lag_blocks + 1).unwrap();
    }
    fn advance(&self) {
        self.0.advance(1).unwrap();
    }
    fn set_rules(&self, rules: &Hyperparameters) {
        self.0.set_hyperparameters(NETUID, rules).unwrap();
    }
    fn replace(&self, uid: Uid, hotkey: &OperatorKey) {
        self.0.replace(NETUID, uid, &Registration::miner(hotkey.hotkey())).unwrap();
    }
    fn inject(&self, fault: DevFault) {
        self.0.inject(fault).unwrap();
    }
}

#[tokio::test]
async fn the_development_chain_in_memory_does_what_a_chain_must() {
    all(&DevSubnet::new(DevChain::in_memory(&by_hand()).unwrap())).await;
}

#[tokio::test]
async fn the_development_chain_in_a_file_does_what_a_chain_must() {
    let folder = tempfile::tempdir().unwrap();
    all(&DevSubnet::new(DevChain::open(&folder.path().join("chain.db"), &by_hand()).unwrap())).await;
}

#[tokio::test]
async fn two_handles_on_one_file_are_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.db");
    let first = DevChain::open(&path, &by_hand()).unwrap();
    let second = DevChain::open(&path, &DevChainSettings { name: "ignored".into(), ..by_hand() }).unwrap();
    assert_eq!((second.genesis(), second.network()), (first.genesis(), "dev"));
    let uid = first.register(NETUID, &Registration::miner(key(1).hotkey())).unwrap();
    second.set_commitment(&key(1), NETUID, b"{}").await.unwrap();
    second.advance(10).unwrap();
    let head = first.finalized_head().await.unwrap();
    assert_eq!(head.number, BlockNumber(7));
    assert_eq!(first.neurons_at(NETUID, &head).await.unwrap()[0].uid, uid);
    assert_eq!(first.commitments_at(NETUID, &head).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_chain_outlives_its_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.db");
    let chain = DevSubnet::new(DevChain::open(&path, &by_hand()).unwrap()).0;
    chain.advance(20).unwrap();
    let head = chain.finalized_head().await.unwrap();
    drop(chain);
    let chain = DevChain::open(&path, &DevChainSettings { finality_lag_blocks: 9, ..by_hand() }).unwrap();
    assert_eq!(chain.finalized_head().await.unwrap(), head, "what was final stays final");
    assert_eq!(chain.neurons_at(NETUID, &head).await.unwrap().len(), 3);
}

#[tokio::test]
async fn equal_names_make_equal_blocks_and_others_do_not() {
    let named = |name: &str| DevChain::in_memory(&DevChainSettings { name: name.into(), ..by_hand() }).unwrap();
    let (one, same, other) = (named("alpha"), named("alpha"), named("beta"));
    assert_eq!(one.genesis(), same.genesis());
    assert_ne!(one.genesis(), other.genesis());
    one.advance(5).unwrap();
    let hash = one.block_hash(BlockNumber(2)).await.unwrap();
    assert_eq!(hash, dev_block_hash(&one.genesis(), BlockNumber(2)));
}

#[tokio::test]
async fn blocks_come_by_themselves_until_the_chain_stalls() {
    let settings = DevChainSettings { block_time_ms: 5, finality_lag_blocks: 1, ..DevChainSettings::default() };
    let chain = DevChain::in_memory(&settings).unwrap();
    let first = chain.finalized_head().await.unwrap().number;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let later = chain.finalized_head().await.unwrap().number;
    assert!(later.0 >= first.0 + 8, "{first} {later}");
    chain.inject(DevFault::Stall).unwrap();
    let standing = chain.finalized_head().await.unwrap().number;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(chain.finalized_head().await.unwrap().number, standing);
    chain.inject(DevFault::Resume).unwrap();
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert!(chain.finalized_head().await.unwrap().number > standing);
}

#[test]
fn a_hotkey_keeps_its_uid_and_a_full_subnet_says_so() {
    let chain = DevChain::in_memory(&by_hand()).unwrap();
    for number in 0..256 {
        let uid = chain.register(NETUID, &Registration::miner(key(number).hotkey())).unwrap();
        assert_eq!(uid, Uid(number));
    }
    assert_eq!(chain.register(NETUID, &Registration::miner(key(7).hotkey())), Ok(Uid(7)));
    let refused = chain.register(NETUID, &Registration::miner(key(256).hotkey()));
    assert_eq!(refused, Err(ChainError::SubnetFull(NETUID)));
}

#[test]
fn other_files_are_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |path: &std::path::Path| match DevChain::open(path, &by_hand()) {
        Err(ChainError::File(why)) => why,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("{} was taken for a chain", path.display()),
    };
    let text = folder.path().join("notes.txt");
    let content = "not a database, and long enough to be looked at as one: ".repeat(20);
    std::fs::write(&text, &content).unwrap();
    assert!(refusal(&text).contains("is not a development chain"));
    assert_eq!(std::fs::read_to_string(&text).unwrap(), content);
    let database = folder.path().join("other.db");
    rusqlite::Connection::open(&database).unwrap().execute_batch("CREATE TABLE mine (id INTEGER)").unwrap();
    assert!(refusal(&database).contains("another program"));
    assert!(refusal(&folder.path().join("missing").join("chain.db")).contains("cannot be opened"));
}

#[test]
fn a_name_that_is_none_is_refused() {
    for name in ["", "a b", "dev\n", &"x".repeat(33)] {
        assert!(DevChain::in_memory(&DevChainSettings { name: name.into(), ..by_hand() }).is_err(), "{name:?}");
    }
}
