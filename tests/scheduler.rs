//! The scheduler on a chain whose seeds are secret.

use std::sync::Arc;
use std::time::Duration;

use kinitro::beacon::OperatorKey;
use kinitro::chain::{
    Chain, CommitmentData, DevChain, DevChainSettings, DevFault, OpaqueField, Registration, WeightSubmission,
};
use kinitro::domain::*;
use kinitro::replay::SignedCycle;
use kinitro::score::U16Weights;
use kinitro::service::scheduler::{Scheduler, SchedulerError, SchedulerOptions};
use kinitro::sim::Simulator;
use kinitro::store::{BlobStore, Page, SqliteSettings, SqliteStore, Store};
use kinitro::transcript::{Verdict, log_commitment};
use tokio_util::sync::CancellationToken;

const NETUID: Netuid = Netuid(2);

/// A chain with a secret beacon whose blocks come by hand, an operator without miners, and a store.
struct Site {
    folder: tempfile::TempDir,
    chain: DevChain,
    key: Arc<OperatorKey>,
    store: Arc<dyn Store>,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        let settings = DevChainSettings { name: "local".into(), block_time_ms: 0, ..DevChainSettings::default() };
        let chain = DevChain::open(&folder.path().join("chain"), &settings).unwrap();
        let key = Arc::new(OperatorKey::dev("operator"));
        chain.register(NETUID, &Registration::validator(key.hotkey())).unwrap();
        chain.advance(10).unwrap();
        let store = SqliteStore::open(&folder.path().join("database"), SqliteSettings::default()).unwrap();
        Site { folder, chain, key, store: Arc::new(store) }
    }

    fn scheduler(&self, change: impl FnOnce(&mut SchedulerOptions)) -> Scheduler {
        let mut options = SchedulerOptions {
            netuid: NETUID,
            contest: Contest { cameras: Vec::new(), ..Contest::default() },
            eval_interval: Duration::ZERO,
            max_cycles: None,
            cycle_timeout: Duration::from_secs(60),
            poll_interval: Duration::from_millis(5),
            probe: true,
            publish_digest_on_chain: true,
        };
        change(&mut options);
        let blobs = Arc::new(BlobStore::open(&self.folder.path().join("transcripts")).unwrap());
        let engine = Simulator::locate(None).unwrap().fingerprint().clone();
        let chain: Arc<dyn Chain> = Arc::new(self.chain.clone());
        Scheduler::new(options, chain, self.store.clone(), blobs, self.key.clone(), engine)
    }

    /// What the operator's slot holds at the finalized head.
    async fn slot(&self) -> Option<String> {
        let head = self.chain.finalized_head().await.unwrap();
        let mut slots = self.chain.commitments_at(NETUID, &head).await.unwrap();
        match slots.pop()?.data {
            CommitmentData::Bytes(data) => Some(String::from_utf8(data).unwrap()),
            CommitmentData::Opaque(fields) => panic!("{fields:?}"),
        }
    }

    /// What it should hold.
    async fn newest(&self) -> Option<String> {
        self.store.newest_manifest().await.unwrap().map(|(cycle, digest)| log_commitment(cycle, &digest))
    }

    /// Whether any block holds a commitment, final or not.
    fn wrote(&self) -> bool {
        let file = rusqlite::Connection::open(self.folder.path().join("chain")).unwrap();
        file.query_row("SELECT count(*) > 0 FROM commitment", [], |row| row.get(0)).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_digest_is_tried_until_the_chain_shows_it_and_no_cycle_waits_for_it() {
    let site = Site::new();
    let look = || tokio::time::sleep(Duration::from_millis(5));
    // The chain takes no writes at all.
    site.chain.inject(DevFault::RateLimit { calls: u32::MAX }).unwrap();
    let (shutdown, scheduler) = (CancellationToken::new(), site.scheduler(|_| {}));
    let stop = shutdown.clone();
    let running = tokio::spawn(async move { scheduler.run(stop).await });
    while site.store.last_completed_cycle().await.unwrap().is_none_or(|last| last.id < CycleId(2)) {
        site.chain.advance(1).unwrap();
        look().await;
    }
    shutdown.cancel();
    running.await.unwrap();
    assert_eq!(site.slot().await, None);

    // The next scheduler opens no cycle, writes what the one before owed, and ends. A fork drops it.
    site.chain.inject(DevFault::RateLimit { calls: 3 }).unwrap();
    site.scheduler(|options| options.max_cycles = Some(0)).run(CancellationToken::new()).await;
    assert!(site.wrote());
    site.chain.inject(DevFault::Fork).unwrap();
    assert!(!site.wrote());

    // One that is at work writes again what is dropped; the refusals end while it tries.
    site.chain.inject(DevFault::RateLimit { calls: 3 }).unwrap();
    let (shutdown, scheduler) =
        (CancellationToken::new(), site.scheduler(|options| options.eval_interval = Duration::from_secs(3600)));
    let stop = shutdown.clone();
    let running = tokio::spawn(async move { scheduler.run(stop).await });
    while !site.wrote() {
        look().await;
    }
    site.chain.inject(DevFault::Fork).unwrap();
    while site.slot().await.is_none() || site.slot().await != site.newest().await {
        site.chain.advance(1).unwrap();
        look().await;
    }
    shutdown.cancel();
    running.await.unwrap();
}

#[tokio::test]
async fn a_commitment_that_is_not_plain_bytes_stands_in_the_manifest_as_refused() {
    let site = Site::new();
    let miner = OperatorKey::dev("miner").hotkey();
    let uid = site.chain.register(NETUID, &Registration::miner(miner)).unwrap();
    let sealed = OpaqueField { kind: "TimelockEncrypted".into(), bytes: vec![1, 2, 3] };
    site.chain.commit_opaque(NETUID, miner, &sealed).unwrap();
    site.chain.advance(10).unwrap();
    site.scheduler(|_| {}).cycle().await.unwrap();
    let manifest = site.store.manifest(CycleId(1)).await.unwrap().unwrap();
    let manifest = SignedCycle::from_json(&manifest).unwrap().manifest;
    let [row] = manifest.submissions.as_slice() else { panic!("{:?}", manifest.submissions) };
    assert_eq!((row.uid, row.hotkey, &row.claim), (uid, miner, &None));
    assert_eq!(row.verdict, Verdict::Refused { reasons: vec!["commitment_opaque".into()] });
}

#[tokio::test]
async fn no_cycle_is_opened_at_a_block_whose_randomness_is_published() {
    let site = Site::new();
    let (chain, store) = (&site.chain, &site.store);
    let scheduler = site.scheduler(|options| options.publish_digest_on_chain = false);

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

/// The reason codes of three miners in the cycle that is opened: one that a validator pays, one that nobody pays, and one whose
/// claim is young.
async fn codes_of_paid_unpaid_and_young(due: Due) -> Vec<Vec<&'static str>> {
    let site = Site::new();
    let miners = ["paid", "unpaid", "young"].map(OperatorKey::dev);
    let uids = miners.each_ref().map(|key| site.chain.register(NETUID, &Registration::miner(key.hotkey())).unwrap());
    let claim = async |key: &OperatorKey| {
        let text = format!(r#"{{"m":"alice/policy","r":"{}","c":"alice-policy"}}"#, "0".repeat(40));
        site.chain.set_commitment(key, NETUID, text.as_bytes()).await.unwrap();
    };
    claim(&miners[0]).await;
    claim(&miners[1]).await;
    let weights = U16Weights { uids: vec![uids[0]], values: vec![u16::MAX] };
    let weights = WeightSubmission::new(weights, 0, &[(uids[0], miners[0].hotkey())].into(), [0; 8]).unwrap();
    site.chain.submit_weights(&site.key, NETUID, &weights).await.unwrap();
    site.chain.advance(100).unwrap();
    claim(&miners[2]).await;
    site.chain.advance(10).unwrap();

    let scheduler = site.scheduler(|options| options.contest.due = due);
    tokio::spawn(async move { scheduler.cycle().await });
    let open = loop {
        if let Some(cycle) = site.store.cycles(Page { limit: 1, after: None }).await.unwrap().rows.pop() {
            break cycle.id;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let submissions = site.store.submissions(open).await.unwrap();
    assert_eq!(submissions.iter().map(|submission| submission.uid).collect::<Vec<_>>(), uids);
    submissions.into_iter().map(|one| one.reasons.into_iter().map(|reason| reason.code.slug()).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contest_may_look_at_the_best_paid_and_at_young_claims_only() {
    let none: Vec<&str> = Vec::new();
    let not_due = vec!["not_due"];
    let all = codes_of_paid_unpaid_and_young(Due::All).await;
    assert_eq!(all, [none.clone(), none.clone(), none.clone()]);
    let top = codes_of_paid_unpaid_and_young(Due::Top { miners: 20, young_claim_blocks: 50 }).await;
    assert_eq!(top, [none.clone(), not_due.clone(), none.clone()]);
    let young = codes_of_paid_unpaid_and_young(Due::Top { miners: 0, young_claim_blocks: 50 }).await;
    assert_eq!(young, [not_due.clone(), not_due, none]);
}
