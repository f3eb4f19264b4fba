//! A validator against a real chain's client and the development chain: servers that lie, restarts, swaps, forks, lost answers,
//! weights that grow old.

mod cycle;
mod dev_node;
#[allow(dead_code, reason = "this file only serves")]
#[path = "stage/http.rs"]
mod http;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cycle::{Cycle, Ground, contest, play_on};
use http::Pages;
use kinitro::admission::{ClaimText, encode_claim};
use kinitro::beacon::OperatorKey;
use kinitro::chain::{
    Chain, ChainError, DevChain, DevChainSettings, DevFault, DevNode, DevNodeFault, Hyperparameters, Registration,
    WEIGHTS_VERSION_KEY, WeightsForm,
};
use kinitro::domain::*;
use kinitro::replay::{CycleManifest, Sample, SignedCycle};
use kinitro::score::chain_vector;
use kinitro::service::published::Published;
use kinitro::service::scheduler::claims_at;
use kinitro::service::validator::{Look, Payment, Round, Validator, ValidatorError, ValidatorOptions};
use kinitro::sim::Simulator;

const NETUID: Netuid = Netuid(2);
const OPERATOR: &str = "operator";
const VALIDATOR: &str = "validator";
/// Uids of the miners; uid 0 is the operator's, uid 1 the validator's.
const MINERS: [Uid; 2] = [Uid(2), Uid(3)];

/// The highest number of a cycle that a manifest can have.
const FAR: u64 = (1 << 53) - 1;

/// A chain with an operator that publishes, and a validator.
struct Scene {
    folder: tempfile::TempDir,
    dev: DevChain,
    chain: Arc<dyn Chain>,
    simulator: Simulator,
    pages: Pages,
    url: String,
    node: Option<DevNode>,
}

impl Scene {
    /// On the development chain itself.
    async fn new() -> Scene {
        Scene::on(dev_node::by_hand("dev"), None).await
    }

    /// Behind a node.
    async fn behind_a_node() -> Scene {
        let chain = dev_node::by_hand("dev");
        let node = dev_node::node(&chain, dev_node::runtime(461)).await;
        Scene::on(chain, Some(node)).await
    }

    async fn on(dev: DevChain, node: Option<DevNode>) -> Scene {
        for name in [OPERATOR, VALIDATOR] {
            dev.register(NETUID, &Registration::validator(OperatorKey::dev(name).hotkey())).unwrap();
        }
        for uid in MINERS {
            let key = miner(uid);
            dev.register(NETUID, &Registration::miner(key.hotkey())).unwrap();
            let repo = format!("owner/policy-{uid}");
            let revision = "0123456789012345678901234567890123456789".to_owned();
            let deployment = format!("http://127.0.0.1:{}", 8_000 + uid.0);
            let claim = encode_claim(&ClaimText { repo, revision, deployment }).unwrap();
            let mut written = dev.set_commitment(&key, NETUID, &claim);
            loop {
                tokio::select! {
                    written = &mut written => break written.map(drop).unwrap(),
                    // A chain whose blocks come slowly makes them now.
                    () = tokio::time::sleep(Duration::from_millis(50)) => drop(dev.advance(4).unwrap()),
                }
            }
        }
        let rules = Hyperparameters { weights_set_rate_limit_blocks: 20, ..Hyperparameters::default() };
        dev.set_hyperparameters(NETUID, &rules).unwrap();
        dev.advance(30).unwrap();
        let chain: Arc<dyn Chain> = match &node {
            Some(node) => Arc::new(dev_node::connect(&dev, &[node]).await),
            None => Arc::new(dev.clone()),
        };
        let pages = Pages::default();
        let url = http::serve_shared(pages.clone());
        let simulator = Simulator::locate(None).unwrap();
        Scene { folder: tempfile::tempdir().unwrap(), dev, chain, simulator, pages, url, node }
    }

    /// Plays a cycle at the finalized head, in which the first miner succeeds.
    async fn play(&self, cycle: u64, previous: Digest, signer: &'static str) -> Cycle {
        let deployment = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
        let contest = Contest { deployment, max_steps: 80, episodes_per_env: 2, ..contest() };
        let anchor = self.dev.finalized_head().await.unwrap();
        let claims = claims_at(&self.dev, NETUID, &anchor, &contest).await.unwrap();
        let ground = Ground {
            network: self.dev.network().to_owned(),
            genesis: self.dev.genesis(),
            netuid: NETUID,
            anchor,
            submissions: claims.on_chain().rows,
            operator: signer,
            cycle: CycleId(cycle),
            previous,
            experts: vec![MINERS[0]],
        };
        play_on(ground, &self.simulator, contest, |_| {})
    }

    /// The first cycle of the operator, published.
    async fn published(&self) -> Cycle {
        let cycle = self.play(1, Digest::ZERO, OPERATOR).await;
        self.publish(&cycle);
        cycle
    }

    fn publish(&self, cycle: &Cycle) {
        let id = cycle.signed.manifest.cycle;
        self.show(id, &serde_json::to_vec(&cycle.signed).unwrap());
        let transcripts = cycle.transcripts.iter();
        let pages = transcripts.map(|(id, bytes)| (format!("/v1/episodes/{id}/transcript"), bytes.clone()));
        self.pages.lock().unwrap().extend(pages);
    }

    /// Shows these bytes as the newest cycle's manifest.
    fn show(&self, cycle: CycleId, manifest: &[u8]) {
        let mut pages = self.pages.lock().unwrap();
        pages.insert("/v1/status".into(), format!(r#"{{"last_completed_cycle": {{"id": {cycle}}}}}"#).into_bytes());
        pages.insert(format!("/v1/cycles/{cycle}/manifest"), manifest.to_vec());
    }

    fn options(&self) -> ValidatorOptions {
        ValidatorOptions {
            netuid: NETUID,
            poll_interval: Duration::from_secs(60),
            read: Sample::All,
            replays: Sample::Count(1),
            threads: 2,
            operator: None,
            accept_unchecked_pictures: false,
            refresh_after_blocks: 100,
            version_key: WEIGHTS_VERSION_KEY,
            dry_run: false,
            data_dir: self.folder.path().to_owned(),
        }
    }

    fn validator(&self) -> Validator {
        self.validator_with(self.options())
    }

    fn validator_with(&self, options: ValidatorOptions) -> Validator {
        let key = Arc::new(OperatorKey::dev(VALIDATOR));
        let published = Published::open(&self.url).unwrap();
        Validator::open(options, self.chain.clone(), key, self.simulator.clone(), published).unwrap()
    }

    /// Weights and last update of the validator at the finalized head.
    async fn on_chain(&self) -> (Vec<(Uid, u16)>, Option<BlockNumber>) {
        let head = self.dev.finalized_head().await.unwrap();
        let neurons = self.dev.neurons_at(NETUID, &head).await.unwrap();
        let own = neurons.iter().find(|neuron| neuron.hotkey == OperatorKey::dev(VALIDATOR).hotkey()).unwrap();
        (self.dev.weights_at(NETUID, own.uid, &head).await.unwrap(), own.last_update)
    }

    fn finalize(&self) {
        self.dev.advance(4).unwrap();
    }

    fn reports(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("reports")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    fn rules(&self, rules: Hyperparameters) {
        self.dev.set_hyperparameters(NETUID, &rules).unwrap();
        self.finalize();
    }
}

fn miner(uid: Uid) -> OperatorKey {
    OperatorKey::dev(&format!("miner {uid}"))
}

fn payment(round: Result<Round, ValidatorError>) -> Payment {
    match round {
        Ok(Round::Paid { payment, .. }) => payment,
        other => panic!("no payment but {other:?}"),
    }
}

/// What a cycle pays, as it stands on the chain.
fn paid(cycle: &Cycle) -> Vec<(Uid, u16)> {
    let vector = chain_vector(&cycle.signed.manifest.scores.standing.weights);
    assert!(vector.uids.contains(&MINERS[0]), "the expert is paid");
    vector.uids.into_iter().zip(vector.values).collect()
}

#[track_caller]
fn sent(round: Result<Round, ValidatorError>) -> BlockNumber {
    match payment(round) {
        Payment::Sent { block, .. } => block,
        other => panic!("not sent but {other:?}"),
    }
}

/// A lie under the operator's own signature, whatever rules it breaks.
fn sign(mut manifest: CycleManifest, change: impl FnOnce(&mut CycleManifest)) -> SignedCycle {
    change(&mut manifest);
    let digest = Digest::of(&kinitro::transcript::canonical_json(&manifest));
    let signature = OperatorKey::dev(OPERATOR).sign(digest.as_bytes());
    SignedCycle { manifest, digest, signature }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_cycle_is_paid_once_and_its_weights_are_found_again_after_a_restart() {
    let scene = Scene::new().await;
    let cycle = scene.published().await;
    let validator = scene.validator();
    sent(validator.round(Look::New).await);
    scene.finalize();
    let (weights, set_in) = scene.on_chain().await;
    assert_eq!(weights, paid(&cycle));
    assert!(matches!(validator.round(Look::New).await, Ok(Round::NothingNew)));
    drop(validator);
    let again = scene.validator();
    assert!(matches!(again.round(Look::New).await, Ok(Round::NothingNew)), "it remembers the cycle");
    assert_eq!(payment(again.round(Look::Afresh).await), Payment::Stands);
    drop(again);
    std::fs::remove_dir_all(scene.folder.path().join("validator")).unwrap();
    assert_eq!(payment(scene.validator().round(Look::New).await), Payment::Stands, "the chain alone says so");
    scene.finalize();
    assert_eq!(scene.on_chain().await, (weights, set_in));
}

#[tokio::test(flavor = "multi_thread")]
async fn junk_of_others_neither_counts_nor_hides_the_operators_word() {
    let scene = Scene::new().await;
    let honest = scene.play(1, Digest::ZERO, OPERATOR).await;
    let stranger = scene.play(FAR, Digest::ZERO, "stranger").await;
    let validator = scene.validator();
    scene.publish(&stranger);
    match validator.round(Look::New).await.unwrap() {
        Round::NotSigned { cycle, reason } => {
            assert_eq!(cycle, CycleId(FAR));
            assert!(reason.contains("[validator] operator"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    let mut changed = honest.signed.clone();
    changed.manifest.cycle = CycleId(77);
    scene.show(CycleId(77), &serde_json::to_vec(&changed).unwrap());
    assert!(matches!(validator.round(Look::New).await, Ok(Round::NotSigned { cycle: CycleId(77), .. })));
    assert_eq!(scene.reports(), [] as [PathBuf; 0], "it is nobody's lie");
    scene.publish(&honest);
    sent(validator.round(Look::New).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lie_that_the_operator_signed_is_reported_for_anybody_to_check_and_not_looked_at_again() {
    let scene = Scene::new().await;
    let honest = scene.play(1, Digest::ZERO, OPERATOR).await;
    let lie = sign(honest.signed.manifest.clone(), |manifest| {
        let row = manifest.episodes.iter_mut().find(|row| !row.success).unwrap();
        row.steps = 1;
        manifest.episodes_root = kinitro::transcript::episodes_tree(&manifest.episodes).root();
    });
    scene.publish(&Cycle { signed: lie, ..honest });
    let options = ValidatorOptions { replays: Sample::All, ..scene.options() };
    let validator = scene.validator_with(options);
    let Round::Differs { cycle: CycleId(1), report } = validator.round(Look::New).await.unwrap() else {
        panic!("it was believed")
    };
    assert!(matches!(validator.round(Look::New).await, Ok(Round::NothingNew)));
    scene.finalize();
    assert_eq!(scene.on_chain().await.0, []);

    let text = std::fs::read_to_string(report.join("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["report"]["answer"], "differs");
    assert_eq!(json["facts"]["netuid"], NETUID.0);
    let transcripts = std::fs::read_dir(report.join("transcripts")).unwrap().count();
    assert_eq!(transcripts, 1, "the one that differs");
    check_by_its_own_command(&report, json["check"].as_str().unwrap());
}

/// What a report tells anybody to run finds the difference.
fn check_by_its_own_command(report: &Path, command: &str) {
    let mut words = command.split(' ');
    assert_eq!(words.next(), Some("kinitro"));
    let output = assert_cmd::Command::cargo_bin("kinitro").unwrap().current_dir(report).args(words).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{command}: {said}");
}

/// The first transcript of a cycle, with a path.
fn first_transcript(cycle: &Cycle) -> (String, Vec<u8>) {
    let (id, bytes) = cycle.transcripts.iter().next().unwrap();
    (format!("/v1/episodes/{id}/transcript"), bytes.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_the_operator_did_not_sign_are_no_lie_of_its() {
    let scene = Scene::new().await;
    let first = scene.published().await;
    let (path, bytes) = first_transcript(&first);
    let another = first.transcripts.values().nth(1).unwrap().clone();
    let validator = scene.validator();
    for wrong in [b"<html>busy</html>".to_vec(), bytes[..bytes.len() / 2].to_vec(), another] {
        scene.pages.lock().unwrap().insert(path.clone(), wrong);
        let round = validator.round(Look::Afresh).await.unwrap();
        assert!(
            matches!(&round, Round::CouldNotCheck { reason, .. } if reason.contains("the server's file")),
            "{round:?}"
        );
    }
    scene.publish(&first);
    sent(validator.round(Look::Afresh).await);

    scene.dev.advance(40).unwrap();
    let second = scene.play(2, first.signed.digest, OPERATOR).await;
    scene.publish(&second);
    scene.pages.lock().unwrap().insert("/v1/cycles/1/manifest".into(), b"{}".to_vec());
    // The link to the cycle before is known: that one was verified here.
    assert_eq!(payment(validator.round(Look::Afresh).await), Payment::Stands);
    // A validator that knows nothing of it asks for the link.
    drop(validator);
    std::fs::remove_dir_all(scene.folder.path().join("validator")).unwrap();
    let round = scene.validator().round(Look::Afresh).await.unwrap();
    assert!(matches!(&round, Round::CouldNotCheck { reason, .. } if reason.contains("not at hand")), "{round:?}");
    assert_eq!(scene.reports(), [] as [PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_word_on_another_subnet_says_nothing_here() {
    let scene = Scene::new().await;
    let honest = scene.play(1, Digest::ZERO, OPERATOR).await;
    let elsewhere = scene.play(900, Digest::ZERO, OPERATOR).await.lie(|manifest| manifest.netuid = Netuid(9));
    let validator = scene.validator();
    scene.publish(&elsewhere);
    let round = validator.round(Look::New).await.unwrap();
    assert!(matches!(&round, Round::NotSigned { reason, .. } if reason.contains("it speaks of subnet 9")), "{round:?}");
    scene.publish(&honest);
    sent(validator.round(Look::New).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_is_not_later_is_not_believed() {
    let scene = Scene::new().await;
    let first = scene.published().await;
    let again = scene.play(2, first.signed.digest, OPERATOR).await.lie(|manifest| manifest.previous = Digest::ZERO);
    let validator = scene.validator();
    sent(validator.round(Look::New).await);
    scene.publish(&again);
    let round = validator.round(Look::New).await.unwrap();
    assert!(matches!(&round, Round::CouldNotCheck { reason, .. } if reason.contains("is not later")), "{round:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_operator_begins_with_a_clean_slate() {
    let scene = Scene::new().await;
    let first = scene.published().await;
    scene.finalize();
    let second = scene.play(5, Digest::ZERO, OPERATOR).await;
    scene.publish(&second);
    sent(scene.validator().round(Look::New).await);
    scene.dev.advance(40).unwrap();
    let theirs = scene.play(5, Digest::ZERO, "somebody else").await;
    scene.publish(&theirs);
    let operator = Some(OperatorKey::dev("somebody else").hotkey());
    let validator = scene.validator_with(ValidatorOptions { operator, ..scene.options() });
    let round = validator.round(Look::New).await.unwrap();
    assert!(matches!(round, Round::Paid { cycle: CycleId(5), .. }), "{round:?}");
    drop((validator, first));
    scene.publish(&scene.play(1, Digest::ZERO, "somebody else").await);
    let validator = scene.validator_with(ValidatorOptions { operator, ..scene.options() });
    assert!(matches!(validator.round(Look::New).await, Ok(Round::Older { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_manifests_of_one_cycle_are_kept_side_by_side_even_over_a_restart() {
    let scene = Scene::new().await;
    let first = scene.play(1, Digest::ZERO, OPERATOR).await;
    let second = first.lie(|manifest| manifest.network = "another".into());
    scene.publish(&Cycle { transcripts: BTreeMap::new(), signed: first.signed.clone(), operator: OPERATOR });
    let round = scene.validator().round(Look::New).await.unwrap();
    assert!(matches!(round, Round::CouldNotCheck { .. }), "the transcripts are held back: {round:?}");
    scene.publish(&Cycle { signed: second.signed.clone(), ..first });
    let Round::Differs { report, .. } = scene.validator().round(Look::New).await.unwrap() else {
        panic!("the second one was believed")
    };
    let read = |name: &str| SignedCycle::from_json(&std::fs::read(report.join(name)).unwrap()).unwrap();
    let (one, other) = (read("manifest.json"), read("second-manifest.json"));
    assert!(one.verify_signature().is_ok() && other.verify_signature().is_ok());
    assert_eq!((one.manifest.cycle, other.digest), (other.manifest.cycle, second.signed.digest));
    assert_ne!(one.digest, other.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_checked_is_left_alone_for_a_while() {
    let scene = Scene::new().await;
    let cycle = scene.play(1, Digest::ZERO, OPERATOR).await;
    scene.publish(&Cycle { transcripts: BTreeMap::new(), signed: cycle.signed.clone(), operator: OPERATOR });
    let validator = scene.validator();
    assert!(matches!(validator.round(Look::New).await, Ok(Round::CouldNotCheck { .. })));
    scene.publish(&cycle);
    let shutdown = tokio_util::sync::CancellationToken::new();
    // The loop's own first look pays; a look in vain before it is not counted against the cycle.
    let running = async {
        tokio::time::timeout(Duration::from_secs(60), validator.run(shutdown.clone())).await.unwrap();
    };
    let watching = async {
        loop {
            scene.finalize();
            if !scene.on_chain().await.0.is_empty() {
                return shutdown.cancel();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(running, watching);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_cycle_than_before_is_not_looked_at_even_over_a_restart() {
    let scene = Scene::new().await;
    let first = scene.play(1, Digest::ZERO, OPERATOR).await;
    scene.finalize();
    let second = scene.play(2, first.signed.digest, OPERATOR).await;
    scene.publish(&first);
    scene.publish(&second);
    sent(scene.validator().round(Look::New).await);
    scene.publish(&first);
    let round = scene.validator().round(Look::Afresh).await.unwrap();
    assert!(matches!(round, Round::Older { shown: CycleId(1), known: CycleId(2), .. }), "{round:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_took_over_a_uid_is_not_paid() {
    let scene = Scene::new().await;
    scene.published().await;
    let newcomer = |number: u16| Registration::miner(OperatorKey::dev(&format!("newcomer {number}")).hotkey());
    scene.dev.replace(NETUID, MINERS[0], &newcomer(0)).unwrap();
    scene.finalize();
    let validator = scene.validator();
    sent(validator.round(Look::New).await);
    scene.finalize();
    assert_eq!(scene.on_chain().await.0, [(MINERS[1], 65_535)]);
    scene.dev.replace(NETUID, MINERS[1], &newcomer(1)).unwrap();
    scene.finalize();
    let round = validator.round(Look::Afresh).await.unwrap();
    assert!(matches!(&round, Round::NothingToPay { reason, .. } if reason.contains("has left")), "{round:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chains_limits_are_kept_before_anything_is_sent() {
    let scene = Scene::new().await;
    let first = scene.published().await;
    let validator = scene.validator();
    sent(validator.round(Look::New).await);
    scene.finalize();
    scene.publish(&scene.play(2, first.signed.digest, OPERATOR).await);
    scene.dev.replace(NETUID, MINERS[1], &Registration::miner(OperatorKey::dev("newcomer").hotkey())).unwrap();
    assert_eq!(payment(validator.round(Look::New).await), Payment::Stands, "the same weights need not be sent");

    let scene = Scene::new().await;
    scene.published().await;
    scene.rules(Hyperparameters { min_allowed_weights: 4, ..Hyperparameters::default() });
    let options = ValidatorOptions { dry_run: true, ..scene.options() };
    match payment(scene.validator_with(options).round(Look::New).await) {
        Payment::DryRun { committed_first: false, obstacle: Some(obstacle) } => {
            assert!(obstacle.contains("at least 4"), "{obstacle}");
        }
        other => panic!("{other:?}"),
    }
    assert!(!scene.folder.path().join("validator").exists(), "a dry run writes nothing");
    let validator = scene.validator();
    let refused = validator.round(Look::New).await.unwrap_err();
    assert!(matches!(refused, ValidatorError::Chain(ChainError::TooFewWeights { given: 2, needed: 4 })), "{refused}");
    scene.rules(Hyperparameters::default());
    sent(validator.round(Look::New).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subnet_that_asks_for_a_later_release_is_sent_nothing_unless_a_key_is_named() {
    let scene = Scene::new().await;
    scene.published().await;
    let needed = WEIGHTS_VERSION_KEY + 1;
    scene.rules(Hyperparameters { weights_version_key: needed, ..Hyperparameters::default() });
    let refused = scene.validator().round(Look::New).await.unwrap_err();
    let given = WEIGHTS_VERSION_KEY;
    let expected = ChainError::VersionKeyTooOld { given, needed };
    assert!(matches!(&refused, ValidatorError::Chain(error) if *error == expected), "{refused}");
    assert_eq!(scene.on_chain().await.0, []);
    let named = ValidatorOptions { version_key: needed, ..scene.options() };
    sent(scene.validator_with(named).round(Look::New).await);
    scene.finalize();
    assert_eq!(scene.on_chain().await.0.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_sent_again_without_the_operators_server() {
    let scene = Scene::new().await;
    scene.published().await;
    sent(scene.validator().round(Look::New).await);
    scene.finalize();
    let (weights, set_in) = scene.on_chain().await;
    scene.pages.lock().unwrap().clear();
    scene.dev.advance(50).unwrap();
    let validator = scene.validator();
    assert!(validator.upkeep().await.unwrap().is_none(), "they are young");
    scene.dev.advance(50).unwrap();
    sent(validator.upkeep().await.map(Option::unwrap));
    scene.finalize();
    let (again, set_again) = scene.on_chain().await;
    assert_eq!(again, weights);
    assert!(set_again > set_in);
    // The subnet forgets sooner than the settings know.
    scene.rules(Hyperparameters { activity_cutoff_blocks: 40, ..Hyperparameters::default() });
    scene.dev.advance(30).unwrap();
    sent(validator.upkeep().await.map(Option::unwrap));
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_that_a_fork_dropped_are_sent_again() {
    let scene = Scene::new().await;
    let cycle = scene.published().await;
    let validator = scene.validator();
    sent(validator.round(Look::New).await);
    scene.dev.inject(DevFault::Fork).unwrap();
    assert!(validator.upkeep().await.unwrap().is_none(), "a block may take them still");
    scene.dev.advance(100).unwrap();
    assert_eq!(scene.on_chain().await.0, []);
    sent(validator.upkeep().await.map(Option::unwrap));
    scene.finalize();
    assert_eq!(scene.on_chain().await.0, paid(&cycle));
}

#[tokio::test(flavor = "multi_thread")]
async fn committed_weights_are_not_committed_again_after_a_restart() {
    let scene = Scene::behind_a_node().await;
    let rules = Hyperparameters { commit_reveal_weights_enabled: true, ..Hyperparameters::default() };
    scene.rules(rules.clone());
    scene.published().await;
    match payment(scene.validator().round(Look::New).await) {
        Payment::Sent { form: WeightsForm::Timelocked, .. } => {}
        other => panic!("{other:?}"),
    }
    scene.dev.advance(20).unwrap();
    let (_, committed_in) = scene.on_chain().await;
    assert!(committed_in.is_some());
    let validator = scene.validator();
    assert_eq!(payment(validator.round(Look::Afresh).await), Payment::Stands);
    assert!(validator.upkeep().await.unwrap().is_none());
    scene.finalize();
    assert_eq!(scene.on_chain().await.1, committed_in);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashed_weights_are_revealed_in_their_epoch_by_whoever_runs_then() {
    let scene = Scene::behind_a_node().await;
    scene.node.as_ref().unwrap().inject(DevNodeFault::CommitVersion { version: 5 });
    let rules = Hyperparameters { tempo: 20, commit_reveal_weights_enabled: true, ..Hyperparameters::default() };
    scene.rules(rules.clone());
    let cycle = scene.published().await;
    let at_an_epoch = || while !scene.dev.advance(1).unwrap().0.is_multiple_of(20) {};
    at_an_epoch();
    match payment(scene.validator().round(Look::New).await) {
        Payment::Sent { form: WeightsForm::Hashed, .. } => {}
        other => panic!("{other:?}"),
    }
    scene.finalize();
    let validator = scene.validator();
    assert!(validator.upkeep().await.unwrap().is_none(), "it is too early");
    at_an_epoch();
    let round = validator.upkeep().await.unwrap();
    assert!(matches!(round, Some(Round::Revealed { cycle: CycleId(1), .. })), "{round:?}");
    scene.finalize();
    assert_eq!(scene.on_chain().await.0, paid(&cycle));
    assert!(validator.upkeep().await.unwrap().is_none(), "once is enough");

    // The same weights stand openly: a commit of them whose epoch went by leaves nothing owed.
    scene.dev.advance(80).unwrap();
    sent(validator.upkeep().await.map(Option::unwrap));
    scene.dev.advance(70).unwrap();
    assert!(validator.upkeep().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_epoch_went_by_is_sent_anew_and_stays_owed_until_then() {
    let scene = Scene::behind_a_node().await;
    scene.node.as_ref().unwrap().inject(DevNodeFault::CommitVersion { version: 5 });
    let rules = Hyperparameters { tempo: 20, commit_reveal_weights_enabled: true, ..Hyperparameters::default() };
    scene.rules(rules.clone());
    let cycle = scene.published().await;
    sent(scene.validator().round(Look::New).await);
    scene.rules(Hyperparameters { weights_set_rate_limit_blocks: 200, ..rules });
    scene.dev.advance(60).unwrap();
    let options = ValidatorOptions { refresh_after_blocks: 1_000, ..scene.options() };
    let validator = scene.validator_with(options);
    assert!(validator.upkeep().await.unwrap().is_none(), "a reveal may be in a block that is not final");
    scene.dev.advance(90).unwrap();
    for _ in 0..2 {
        let refused = validator.upkeep().await.unwrap_err();
        assert!(matches!(refused, ValidatorError::Chain(ChainError::RateLimited { .. })), "{refused}");
    }
    scene.dev.advance(60).unwrap();
    while !scene.dev.advance(1).unwrap().0.is_multiple_of(20) {}
    sent(validator.upkeep().await.map(Option::unwrap));
    scene.finalize();
    while !scene.dev.advance(1).unwrap().0.is_multiple_of(20) {}
    let round = validator.upkeep().await.unwrap();
    assert!(matches!(round, Some(Round::Revealed { .. })), "{round:?}");
    scene.finalize();
    assert_eq!(scene.on_chain().await.0, paid(&cycle));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_sends_nothing_twice() {
    let slow = DevChainSettings { block_time_ms: 600_000, finality_lag_blocks: 3, ..DevChainSettings::default() };
    let dev = DevChain::in_memory(&slow).unwrap();
    let node = dev_node::node(&dev, dev_node::runtime(461)).await;
    let scene = Scene::on(dev, Some(node)).await;
    let cycle = scene.published().await;
    let validator = scene.validator();
    let (round, ()) = tokio::join!(validator.round(Look::New), async {
        let node = scene.node.as_ref().unwrap();
        for _ in 0..3_000 {
            if node.taken_of(&OperatorKey::dev(VALIDATOR).hotkey()) > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        node.inject_into_chain(DevFault::Disconnect { calls: 1 }).unwrap();
    });
    let lost = round.unwrap_err();
    assert!(matches!(lost, ValidatorError::Chain(ChainError::FateUnknown { .. })), "{lost}");
    drop(validator);
    let validator = scene.validator();
    let under_way = payment(validator.round(Look::New).await);
    assert!(matches!(under_way, Payment::UnderWay { of_these: true, .. }), "{under_way:?}");
    scene.dev.advance(8).unwrap();
    let (weights, set_in) = scene.on_chain().await;
    assert_eq!(weights, paid(&cycle), "the block took it all the same");
    assert_eq!(payment(validator.round(Look::New).await), Payment::Stands);
    scene.dev.advance(8).unwrap();
    assert_eq!(scene.on_chain().await.1, set_in);
}
