//! The scheduler on a chain whose seeds are secret.

use std::sync::Arc;
use std::time::Duration;

use kinitro::beacon::OperatorKey;
use kinitro::chain::{Chain, DevChain, DevChainSettings, Registration};
use kinitro::domain::*;
use kinitro::service::scheduler::{Scheduler, SchedulerError, SchedulerOptions};
use kinitro::sim::Simulator;
use kinitro::store::{BlobStore, SqliteSettings, SqliteStore, Store};

const NETUID: Netuid = Netuid(2);

#[tokio::test]
async fn no_cycle_is_opened_at_a_block_whose_randomness_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let settings = DevChainSettings { name: "local".into(), block_time_ms: 0, ..DevChainSettings::default() };
    let chain = DevChain::in_memory(&settings).unwrap();
    let key = OperatorKey::dev("operator");
    chain.register(NETUID, &Registration::validator(key.hotkey())).unwrap();
    chain.advance(10).unwrap();
    let store = SqliteStore::open(&folder.path().join("database"), SqliteSettings::default()).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let options = SchedulerOptions {
        netuid: NETUID,
        contest: Contest { cameras: Vec::new(), ..Contest::default() },
        eval_interval: Duration::ZERO,
        max_cycles: None,
        cycle_timeout: Duration::from_secs(60),
        poll_interval: Duration::from_millis(5),
        probe: true,
        publish_digest_on_chain: false,
    };
    let blobs = Arc::new(BlobStore::open(&folder.path().join("transcripts")).unwrap());
    let engine = Simulator::locate(None).unwrap().fingerprint().clone();
    let shared: Arc<dyn Chain> = Arc::new(chain.clone());
    let scheduler = Scheduler::new(options, shared, store.clone(), blobs, Arc::new(key), engine);

    scheduler.cycle().await.unwrap();
    let first = store.last_completed_cycle().await.unwrap().unwrap();
    let again = scheduler.cycle().await;
    assert!(matches!(again, Err(SchedulerError::AnchorUsed { used, .. }) if used == first.block_number), "{again:?}");
    assert_eq!(store.open_cycle().await.unwrap().map(|open| open.cycle.id), None);

    chain.advance(1).unwrap();
    scheduler.cycle().await.unwrap();
    let second = store.last_completed_cycle().await.unwrap().unwrap();
    assert!(second.block_number > first.block_number);
}
