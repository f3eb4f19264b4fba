//! Cycles of contests with rules about repositories: from claims on a chain, through a model hub, to published verdicts.

#[path = "admission/fake_hub.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod fake_hub;
#[path = "support/loopback.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod loopback;

use std::sync::Arc;
use std::time::Duration;

use fake_hub::{ALICE, Content, FakeHub, REPO, SHA};
use kinitro::admission::{ClaimText, encode_claim};
use kinitro::beacon::OperatorKey;
use kinitro::chain::{Chain, DevChain, DevChainSettings, Registration};
use kinitro::domain::*;
use kinitro::hub::Patience;
use kinitro::hub::repository::{HubReader, ReadCache};
use kinitro::service::scheduler::{Describer, DescriberError, Scheduler, SchedulerError, SchedulerOptions};
use kinitro::sim::Simulator;
use kinitro::store::{BlobStore, Page, SqliteSettings, SqliteStore, Store, Submission};
use loopback::{Loopback, Reply};

const NETUID: Netuid = Netuid(2);

/// An operator with a chain whose blocks come by hand, a store, and a contest with rules about repositories.
struct Site {
    folder: tempfile::TempDir,
    chain: DevChain,
    store: Arc<dyn Store>,
    contest: Contest,
}

impl Site {
    fn new(rules: RepositoryRules) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let settings = DevChainSettings { block_time_ms: 0, ..DevChainSettings::default() };
        let chain = DevChain::open(&folder.path().join("chain"), &settings).unwrap();
        chain.register(NETUID, &Registration::validator(OperatorKey::dev("operator").hotkey())).unwrap();
        let store = SqliteStore::open(&folder.path().join("database"), SqliteSettings::default()).unwrap();
        let contest = Contest {
            cameras: Vec::new(),
            repository: Some(rules),
            deployment: DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() },
            ..Contest::default()
        };
        Site { folder, chain, store: Arc::new(store), contest }
    }

    /// Registers a miner of ALICE's, who claims a repository in a block of its own.
    async fn claim(&self, name: &str, repo: &str, deployment: &str) -> Uid {
        let key = OperatorKey::dev(name);
        let coldkey = Some(ALICE.parse().unwrap());
        let uid = self.chain.register(NETUID, &Registration { coldkey, ..Registration::miner(key.hotkey()) }).unwrap();
        self.commit(&key, repo, deployment).await;
        uid
    }

    async fn commit(&self, key: &OperatorKey, repo: &str, deployment: &str) {
        let claim = ClaimText { repo: repo.into(), revision: SHA.into(), deployment: deployment.into() };
        self.chain.set_commitment(key, NETUID, &encode_claim(&claim).unwrap()).await.unwrap();
        self.chain.advance(5).unwrap();
    }

    fn scheduler(&self, hub: &str) -> Scheduler {
        let options = SchedulerOptions {
            netuid: NETUID,
            contest: self.contest.clone(),
            eval_interval: Duration::ZERO,
            max_cycles: None,
            cycle_timeout: Duration::from_secs(600),
            poll_interval: Duration::from_millis(5),
            probe: false,
            publish_digest_on_chain: false,
        };
        let blobs = Arc::new(BlobStore::open(&self.folder.path().join("transcripts")).unwrap());
        let engine = Simulator::locate(None).unwrap().fingerprint().clone();
        let chain: Arc<dyn Chain> = Arc::new(self.chain.clone());
        let key = Arc::new(OperatorKey::dev("operator"));
        let cache = ReadCache::open(&self.folder.path().join("repositories")).unwrap();
        let patience = Patience { first_pause: Duration::from_millis(1), ..Patience::default() };
        let hub = HubReader::new(hub, Some(cache), patience).unwrap();
        Scheduler::new(options, chain, self.store.clone(), blobs, key, engine)
            .with_describer(Describer::new(hub, Duration::from_secs(60)))
    }

    /// The submissions of the cycle that is opened next; it is given up at once.
    async fn next(&self, hub: &FakeHub) -> Vec<Submission> {
        let scheduler = self.scheduler(&hub.hub.url(""));
        let before = self.store.next_cycle_id().await.unwrap();
        let running = tokio::spawn(async move { scheduler.cycle().await });
        while self.store.cycles(Page { limit: 1, after: None }).await.unwrap().rows.pop().is_none_or(|c| c.id < before)
        {
            assert!(!running.is_finished(), "{:?}", running.await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let submissions = self.store.submissions(before).await.unwrap();
        running.abort();
        if submissions.iter().any(|submission| submission.admitted) {
            self.store.fail_cycle(before, "for the test".into()).await.unwrap();
        }
        submissions
    }
}

fn codes(submission: &Submission) -> Vec<&'static str> {
    submission.reasons.iter().map(|reason| reason.code.slug()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_earliest_claim_of_a_model_is_admitted_and_the_date_is_kept_over_cycles() {
    let site = Site::new(RepositoryRules::default());
    let hub = FakeHub::of(Content::good());
    let policy = Loopback::serve(|_| Reply::json(&serde_json::json!({"status": "healthy"})));
    let first = site.claim("first", REPO, &policy.url("")).await;
    let copy = site.claim("copy", REPO, &policy.url("")).await;
    let missing = site.claim("missing", "nobody/nothing", &policy.url("")).await;
    let submissions = site.next(&hub).await;
    assert_eq!(submissions.iter().map(|one| one.uid).collect::<Vec<_>>(), [first, copy, missing]);
    assert_eq!(
        submissions.iter().map(codes).collect::<Vec<_>>(),
        [vec![], vec!["weights_duplicate"], vec!["revision_not_found"]]
    );
    assert!(submissions[0].holds && submissions[0].weights.is_some());
    assert_eq!(submissions[0].weights, submissions[1].weights);
    let dated = submissions[0].since;
    assert_eq!(dated, submissions[0].claim.as_ref().unwrap().block);

    // The first miner moves its policy, which is a new claim: its date stays, and the copy stays one.
    site.commit(&OperatorKey::dev("first"), REPO, &Loopback::serve(|_| Reply::status(200)).url("")).await;
    let later = site.next(&hub).await;
    assert!(later[0].claim.as_ref().unwrap().block > later[1].claim.as_ref().unwrap().block);
    assert_eq!((later[0].since, codes(&later[0]), codes(&later[1])), (dated, vec![], vec!["weights_duplicate"]));
    // What was read once is not read again, for a copy or for a later cycle.
    assert_eq!(hub.storage.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stake_coldkey_and_endpoint_are_judged_by_what_the_chain_and_the_network_say() {
    let site = Site::new(RepositoryRules { min_stake_rao: 1, coldkey_file: true, ..RepositoryRules::default() });
    let hub = FakeHub::of(Content::good().with("coldkey.txt", OperatorKey::dev("other").hotkey().to_string()));
    let policy = Loopback::serve(|_| Reply::status(401));
    for name in ["a", "b", "c"] {
        site.claim(name, REPO, &policy.url("")).await;
    }
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    site.claim("gone", REPO, &format!("http://{gone}")).await;
    let submissions = site.next(&hub).await;
    // A server that answers at all is one; a coldkey in doubt holds nothing, so nobody is a duplicate.
    assert_eq!(codes(&submissions[0]), ["coldkey_mismatch", "stake_too_low"]);
    assert_eq!(codes(&submissions[3]), ["coldkey_mismatch", "endpoint_unhealthy", "stake_too_low"]);
    assert!(submissions.iter().all(|submission| !submission.holds));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_is_down_refuses_nobody_and_the_cycle_waits() {
    let site = Site::new(RepositoryRules::default());
    let hub = FakeHub::of(Content::good().answering(Reply::status(503)));
    let policy = Loopback::serve(|_| Reply::status(200));
    site.claim("first", REPO, &policy.url("")).await;
    let scheduler = site.scheduler(&hub.hub.url(""));
    let waited = scheduler.cycle().await.unwrap_err();
    assert!(matches!(waited, SchedulerError::Admission(DescriberError::Hub { repositories: 1, .. })), "{waited}");
    assert!(waited.to_string().contains("is the hub reachable?"), "{waited}");
    assert_eq!(site.store.scale().await.unwrap().rows["cycle"], 0);
    // It answers again in the middle of the second round of tries.
    assert_eq!(codes(&site.next(&hub).await[0]), Vec::<&str>::new());
}
