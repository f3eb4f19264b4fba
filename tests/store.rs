//! The promises of the store, kept by every database behind it.

mod support;

use std::sync::Arc;

use kinitro::domain::*;
use kinitro::store::*;
use support::*;

/// A fresh store whose clock stands until the test moves it.
struct Fixture {
    store: Arc<dyn Store>,
    clock: LeaseClock,
    folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let clock = LeaseClock::by_hand("this boot");
    let store = open(&folder, clock.clone());
    Fixture { store, clock, folder }
}

fn open(folder: &tempfile::TempDir, clock: LeaseClock) -> Arc<dyn Store> {
    let settings = SqliteSettings { clock, ..SqliteSettings::default() };
    Arc::new(SqliteStore::open(&folder.path().join("kinitro.sqlite3"), settings).unwrap())
}

impl Fixture {
    async fn with_cycle(miners: u8, episodes: u32) -> Fixture {
        let fixture = fixture();
        assert_eq!(fixture.store.create_cycle(cycle(1, miners, episodes)).await.unwrap(), Created::New);
        fixture
    }

    async fn lease(&self, name: &str, limit: u32) -> Vec<LeasedTask> {
        self.store.lease(request(name, limit)).await.unwrap().tasks
    }

    async fn lease_one(&self, name: &str) -> LeasedTask {
        self.lease(name, 1).await.pop().unwrap()
    }

    async fn submit(&self, result: EpisodeResult) -> SubmitAnswer {
        self.store.submit(vec![result]).await.unwrap()[0]
    }

    async fn progress(&self) -> Progress {
        self.store.progress(CycleId(1)).await.unwrap()
    }

    async fn finish_all(&self) {
        loop {
            let tasks = self.lease("a", 100).await;
            if tasks.is_empty() {
                return;
            }
            let results = tasks.iter().map(|task| success("a", task)).collect();
            assert!(self.store.submit(results).await.unwrap().iter().all(|answer| answer.is_accepted()));
        }
    }
}

#[tokio::test]
async fn opening_a_cycle_twice_changes_nothing() {
    let f = Fixture::with_cycle(2, 2).await;
    assert_eq!(f.store.create_cycle(cycle(1, 2, 2)).await.unwrap(), Created::AlreadyThere);
    assert_eq!(f.progress().await.total(), 8);
    assert_eq!(f.store.next_cycle_id().await.unwrap(), CycleId(2));
}

#[tokio::test]
async fn a_second_open_cycle_and_a_changed_cycle_are_refused() {
    let f = Fixture::with_cycle(1, 1).await;
    let mut other = cycle(1, 1, 1);
    other.anchor.hash = BlockHash([9; 32]);
    assert!(matches!(f.store.create_cycle(other).await, Err(StoreError::Conflict(_))));
    let error = f.store.create_cycle(cycle(2, 1, 1)).await.unwrap_err().to_string();
    assert!(error.contains("cycle 1 is still open"), "{error}");
}

#[tokio::test]
async fn a_cycle_with_a_stranger_among_its_tasks_leaves_nothing_behind() {
    let f = fixture();
    let mut wrong = cycle(1, 1, 1);
    wrong.tasks.last_mut().unwrap().hotkey = hotkey(99);
    assert!(matches!(f.store.create_cycle(wrong).await, Err(StoreError::Conflict(_))));
    assert!(f.store.cycle(CycleId(1)).await.unwrap().is_none());
    assert_eq!(f.store.scale().await.unwrap().rows["task"], 0);
}

#[tokio::test]
async fn an_open_cycle_is_found_again_after_a_restart() {
    let mut f = Fixture::with_cycle(2, 1).await;
    let task = f.lease_one("a").await;
    assert_eq!(f.submit(success("a", &task)).await, SubmitAnswer::Accepted);
    f.store = open(&f.folder, f.clock.clone());
    let open = f.store.open_cycle().await.unwrap().unwrap();
    assert_eq!(open.secret, CycleSecret(b"the beacon".to_vec()));
    assert_eq!(open.submissions, [submission(1), submission(2)]);
    assert_eq!(open.contest, cycle(1, 2, 1).contest);
    assert_eq!(open.fingerprint, fingerprint());
    assert_eq!(open.cycle.status, CycleStatus::Running);
    assert_eq!(f.progress().await.completed, 1);
}

#[tokio::test]
async fn a_task_is_leased_to_one_executor_at_a_time() {
    let f = Fixture::with_cycle(2, 2).await;
    let a = f.lease("a", 5).await;
    let b = f.lease("b", 100).await;
    assert_eq!((a.len(), b.len()), (5, 3));
    assert!(a.iter().all(|task| b.iter().all(|other| other.id != task.id)));
    assert!(a.iter().all(|task| task.attempt == Attempt(1)));
    assert_eq!(a[0].miner, Miner { hotkey: hotkey(1), uid: Uid(1), claim: submission(1).claim.unwrap() });
    assert_eq!(f.store.task_stats(None).await.unwrap().active_executors, [executor("a"), executor("b")]);
}

#[tokio::test]
async fn an_executor_gets_only_what_it_can_run() {
    let f = Fixture::with_cycle(1, 2).await;
    let other = LeaseRequest { fingerprint: Some(Digest::of(b"another engine")), ..request("a", 10) };
    let leased = f.store.lease(other).await.unwrap();
    assert_eq!((leased.tasks.len(), leased.total_pending), (0, 4));
    let push = LeaseRequest { environments: Some(vec![environment("push")]), ..request("a", 10) };
    let leased = f.store.lease(push).await.unwrap();
    assert_eq!((leased.tasks.len(), leased.total_pending), (2, 2));
    assert!(leased.tasks.iter().all(|task| task.environment == environment("push")));
    assert_eq!(leased.contests.keys().collect::<Vec<_>>(), [&leased.tasks[0].contest]);
}

#[tokio::test]
async fn the_same_result_twice_is_stored_once_and_answered_the_same_way() {
    let f = Fixture::with_cycle(1, 1).await;
    let task = f.lease_one("a").await;
    let result = success("a", &task);
    assert_eq!(f.submit(result.clone()).await, SubmitAnswer::Accepted);
    assert_eq!(f.submit(result.clone()).await, SubmitAnswer::AlreadyAccepted);
    let other = EpisodeResult { transcript: Some(Digest::of(b"another")), ..result };
    assert_eq!(f.submit(other).await, SubmitAnswer::Rejected(Rejection::DifferentResult));
    assert_eq!(f.progress().await.completed, 1);
}

#[tokio::test]
async fn results_nobody_asked_for_are_rejected() {
    let f = Fixture::with_cycle(1, 1).await;
    let task = f.lease_one("a").await;
    let rejected = |reason| SubmitAnswer::Rejected(reason);
    let unknown = EpisodeResult { task: TaskId([7; 16]), ..success("a", &task) };
    assert_eq!(f.submit(unknown).await, rejected(Rejection::UnknownTask));
    let early = EpisodeResult { attempt: Attempt(2), ..success("a", &task) };
    assert_eq!(f.submit(early).await, rejected(Rejection::UnknownAttempt));
    assert_eq!(f.submit(success("b", &task)).await, rejected(Rejection::ForeignAttempt));
    let bare = EpisodeResult { transcript: None, ..success("a", &task) };
    assert_eq!(f.submit(bare).await, rejected(Rejection::NoTranscript));
    let blameless = EpisodeResult { outcome: Outcome::Faulted, ..success("a", &task) };
    assert_eq!(f.submit(blameless).await, rejected(Rejection::Malformed));
    assert_eq!(f.progress().await.leased, 1);
}

#[tokio::test]
async fn one_transcript_cannot_serve_two_tasks() {
    let f = Fixture::with_cycle(1, 1).await;
    let tasks = f.lease("a", 2).await;
    assert!(f.submit(success("a", &tasks[0])).await.is_accepted());
    let borrowed = EpisodeResult { transcript: success("a", &tasks[0]).transcript, ..success("a", &tasks[1]) };
    assert_eq!(f.submit(borrowed).await, SubmitAnswer::Rejected(Rejection::ForeignTranscript));
}

#[tokio::test]
async fn a_silent_executor_loses_its_lease_and_a_heartbeat_keeps_it() {
    let f = Fixture::with_cycle(1, 1).await;
    let (kept, lost) = (f.lease_one("a").await, f.lease_one("b").await);
    f.clock.advance(LEASE_MS - 1);
    let beat = f.store.heartbeat(executor("a"), vec![kept.id, lost.id], LEASE_MS).await.unwrap();
    assert_eq!(beat, Heartbeat { renewed: vec![kept.id], lost: vec![lost.id] });
    f.clock.advance(LEASE_MS - 1);
    let again = f.lease("c", 10).await;
    assert_eq!(again.iter().map(|task| (task.id, task.attempt)).collect::<Vec<_>>(), [(lost.id, Attempt(2))]);
    let too_late = f.store.heartbeat(executor("b"), vec![lost.id], LEASE_MS).await.unwrap();
    assert_eq!(too_late.lost, [lost.id]);
}

#[tokio::test]
async fn leases_of_an_earlier_boot_are_over() {
    let mut f = Fixture::with_cycle(1, 1).await;
    f.lease("a", 10).await;
    f.store = open(&f.folder, LeaseClock::by_hand("another boot"));
    assert_eq!(f.store.expire_leases().await.unwrap(), 2);
    assert_eq!(f.progress().await.pending, 2);
}

#[tokio::test]
async fn a_late_result_counts_when_no_other_attempt_has_finished() {
    let f = Fixture::with_cycle(1, 1).await;
    let first = f.lease_one("a").await;
    f.clock.advance(LEASE_MS);
    let second = f.lease_one("b").await;
    assert_eq!(first.id, second.id);
    assert_eq!(f.submit(success("a", &first)).await, SubmitAnswer::Accepted);
    let rejected = SubmitAnswer::Rejected(Rejection::AnotherAttemptFinished);
    assert_eq!(f.submit(success("b", &second)).await, rejected);
    assert_eq!(f.submit(success("b", &second)).await, rejected);
    let beat = f.store.heartbeat(executor("b"), vec![second.id], LEASE_MS).await.unwrap();
    assert_eq!(beat.lost, [second.id]);
    assert_eq!(f.progress().await.completed, 1);
}

#[tokio::test]
async fn a_platform_fault_is_retried_and_then_left_out() {
    let f = Fixture::with_cycle(1, 1).await;
    let mut attempts = Vec::new();
    for _ in 0..RetryLimits::default().max_failures {
        let task = f.lease_one("a").await;
        attempts.push(task.attempt.0);
        let result = faulted("a", &task, FaultReason::EngineFailure);
        assert_eq!(f.submit(result.clone()).await, SubmitAnswer::Accepted);
        assert_eq!(f.submit(result).await, SubmitAnswer::AlreadyAccepted);
    }
    assert_eq!(attempts, [1, 2, 3]);
    let progress = f.progress().await;
    assert_eq!((progress.pending, progress.left_out), (1, 1));
    let rows = f.store.cycle_episodes(CycleId(1)).await.unwrap();
    assert_eq!((rows[0].state, rows[0].transcript), (EpisodeState::LeftOut, None));
}

#[tokio::test]
async fn a_miners_fault_is_final() {
    let f = Fixture::with_cycle(1, 1).await;
    let task = f.lease_one("a").await;
    assert_eq!(f.submit(faulted("a", &task, FaultReason::ResetTimeout)).await, SubmitAnswer::Accepted);
    assert_eq!(f.progress().await.failed, 1);
    let rows = f.store.cycle_episodes(CycleId(1)).await.unwrap();
    assert_eq!(rows[0].fault, Some(Fault::new(FaultReason::ResetTimeout)));
    assert_eq!(rows[0].state, EpisodeState::Counted);
}

#[tokio::test]
async fn an_unstable_simulation_may_have_rewards_that_are_no_numbers() {
    let f = Fixture::with_cycle(1, 1).await;
    let task = f.lease_one("a").await;
    let unstable = EpisodeResult { total_reward: f64::NAN, ..faulted("a", &task, FaultReason::SimulationUnstable) };
    assert_eq!(f.submit(unstable).await, SubmitAnswer::Accepted);
    let rows = f.store.cycle_episodes(CycleId(1)).await.unwrap();
    assert!(rows[0].total_reward.is_nan());
}

#[tokio::test]
async fn lost_leases_are_not_counted_as_faults_but_end_too() {
    let f = Fixture::with_cycle(1, 1).await;
    let limits = RetryLimits::default();
    for round in 1..=limits.max_losses {
        assert_eq!(f.lease_one("a").await.attempt, Attempt(round));
        assert_eq!(f.store.release_dead(executor("a")).await.unwrap(), 1);
    }
    assert_eq!(f.progress().await.left_out, 1);
}

#[tokio::test]
async fn a_released_task_costs_no_try() {
    let f = Fixture::with_cycle(1, 1).await;
    for round in 1..=limits_and_more() {
        let task = f.lease_one("a").await;
        assert_eq!(task.attempt, Attempt(round));
        assert_eq!(f.store.release(executor("b"), vec![task.id]).await.unwrap(), 0);
        assert_eq!(f.store.release(executor("a"), vec![task.id]).await.unwrap(), 1);
    }
    assert_eq!(f.progress().await.pending, 2);
}

fn limits_and_more() -> u32 {
    RetryLimits::default().max_losses + 5
}

#[tokio::test]
async fn only_a_finished_cycle_is_sealed_and_takes_nothing_after() {
    let f = Fixture::with_cycle(1, 1).await;
    let slow = f.lease_one("slow").await;
    assert!(!f.store.seal_cycle(CycleId(1)).await.unwrap());
    assert_eq!(f.store.leave_out_unfinished(CycleId(1)).await.unwrap(), 2);
    assert!(f.store.seal_cycle(CycleId(1)).await.unwrap());
    assert!(f.store.seal_cycle(CycleId(1)).await.unwrap());
    assert_eq!(f.submit(success("slow", &slow)).await, SubmitAnswer::Rejected(Rejection::CycleClosed));
}

#[tokio::test]
async fn a_left_out_task_takes_a_late_result_until_the_cycle_is_sealed() {
    let f = Fixture::with_cycle(1, 1).await;
    let slow = f.lease_one("slow").await;
    f.store.leave_out_unfinished(CycleId(1)).await.unwrap();
    assert_eq!(f.submit(success("slow", &slow)).await, SubmitAnswer::Accepted);
    assert_eq!(f.progress().await.completed, 1);
}

#[tokio::test]
async fn publication_is_chained_and_happens_once() {
    let f = Fixture::with_cycle(1, 1).await;
    let first = publication(1, Digest::ZERO);
    assert!(matches!(f.store.publish_cycle(first.clone()).await, Err(StoreError::Conflict(_))));
    assert_eq!(f.store.manifest(CycleId(1)).await.unwrap(), None);
    f.finish_all().await;
    assert!(f.store.seal_cycle(CycleId(1)).await.unwrap());
    f.store.publish_cycle(first.clone()).await.unwrap();
    f.store.publish_cycle(first.clone()).await.unwrap();
    assert_eq!(f.store.manifest(CycleId(1)).await.unwrap(), Some(first.manifest.clone()));
    assert_eq!(f.store.newest_manifest().await.unwrap(), Some((CycleId(1), first.digest)));
    assert!(f.store.open_cycle().await.unwrap().is_none());
    assert!(matches!(f.store.fail_cycle(CycleId(1), "no".into()).await, Err(StoreError::Conflict(_))));

    f.store.create_cycle(cycle(2, 1, 1)).await.unwrap();
    f.finish_all().await;
    assert!(f.store.seal_cycle(CycleId(2)).await.unwrap());
    let forked = f.store.publish_cycle(publication(2, Digest::ZERO)).await.unwrap_err().to_string();
    assert!(forked.contains("as the one before it"), "{forked}");
    f.store.publish_cycle(publication(2, first.digest)).await.unwrap();
}

#[tokio::test]
async fn a_failed_cycle_publishes_nothing_and_makes_room() {
    let f = Fixture::with_cycle(1, 1).await;
    f.lease_one("a").await;
    f.store.fail_cycle(CycleId(1), "the probe failed".into()).await.unwrap();
    let failed = f.store.cycle(CycleId(1)).await.unwrap().unwrap();
    assert_eq!((failed.status, failed.failure.as_deref()), (CycleStatus::Failed, Some("the probe failed")));
    assert!(f.lease("a", 1).await.is_empty());
    assert!(matches!(f.store.publish_cycle(publication(1, Digest::ZERO)).await, Err(StoreError::Conflict(_))));
    assert_eq!(f.store.create_cycle(cycle(2, 1, 1)).await.unwrap(), Created::New);
}

#[tokio::test]
async fn scores_and_weights_come_back_as_published() {
    let f = Fixture::with_cycle(2, 1).await;
    f.finish_all().await;
    f.store.seal_cycle(CycleId(1)).await.unwrap();
    let score = |uid: u8, name: &str, rate: f64| ScoreRow {
        uid: Uid(uid.into()),
        hotkey: hotkey(uid),
        environment: environment(name),
        success_rate: rate,
        rate_low: rate / 2.0,
        rate_high: 1.0,
        mean_reward: 10.0,
        counted: 1,
        failed: 0,
        left_out: 0,
    };
    let weight = WeightRow {
        uid: Uid(1),
        hotkey: hotkey(1),
        points: "340282366920938463463374607431768211455".into(),
        weight: 0.1 + 0.2,
        weight_u16: 65_535,
    };
    let scores = vec![score(1, "push", 1.0), score(1, "reach", 0.5), score(2, "push", 0.0)];
    let publication = Publication {
        scores: scores.clone(),
        weights: vec![weight.clone()],
        no_weights: None,
        ..publication(1, Digest::ZERO)
    };
    f.store.publish_cycle(publication.clone()).await.unwrap();

    assert_eq!(f.store.scores(None).await.unwrap().unwrap().scores, scores);
    let view = f.store.weights(WeightsAt::Block(BlockNumber(100))).await.unwrap().unwrap();
    assert_eq!((view.weights, view.manifest_digest), (vec![weight], publication.digest));
    assert!(f.store.weights(WeightsAt::Block(BlockNumber(101))).await.unwrap().is_none());
    let miners = f.store.miners().await.unwrap();
    assert_eq!(miners[0].avg_success_rate, 0.75);
    assert_eq!(miners[1].environments, [environment("push")]);
    let environments = f.store.environments().await.unwrap();
    assert_eq!(environments[0].avg_success_rate, Some(0.5));
    assert_eq!(f.store.totals().await.unwrap(), Totals { cycles: 1, miners_evaluated: 2 });
}

#[tokio::test]
async fn pages_cover_every_episode_once() {
    let f = Fixture::with_cycle(2, 3).await;
    f.finish_all().await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let filter = EpisodeFilter { uid: Some(Uid(2)), outcome: Some(Outcome::Success), ..EpisodeFilter::default() };
        let page = f.store.episodes(filter, Page { limit: 4, after }).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.task));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 6);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 6);
}

#[tokio::test]
async fn the_probe_is_flagged_and_not_a_submission() {
    let f = fixture();
    let mut with_probe = cycle(1, 1, 1);
    with_probe.probe = Some(Probe { hotkey: OPERATOR, endpoint: "http://127.0.0.1:1".into() });
    let seed = with_probe.tasks[0].seed;
    with_probe.tasks.push(NewTask { hotkey: OPERATOR, environment: environment("reach"), index: 0, seed });
    f.store.create_cycle(with_probe.clone()).await.unwrap();
    let probes: Vec<_> = f.lease("a", 10).await.into_iter().filter(|task| task.probe).collect();
    assert_eq!((probes.len(), probes[0].miner.hotkey), (1, OPERATOR));
    let open = f.store.open_cycle().await.unwrap().unwrap();
    assert_eq!((open.probe, open.submissions.len()), (with_probe.probe.clone(), 1));
    assert_eq!(open.cycle.n_miners, 1);
}

#[tokio::test]
async fn keys_are_found_by_digest_until_they_are_revoked() {
    let f = fixture();
    let digest = Digest::of(b"a key");
    let key = NewApiKey { executor: executor("a"), digest, role: ApiKeyRole::Executor, expires_at: None };
    let id = f.store.add_api_key(key).await.unwrap();
    let now = jiff::Timestamp::now();
    assert!(f.store.api_key(digest).await.unwrap().unwrap().is_valid_at(now));
    assert!(f.store.revoke_api_key(id).await.unwrap());
    assert!(!f.store.api_key(digest).await.unwrap().unwrap().is_valid_at(now));
    assert!(!f.store.revoke_api_key(id + 1).await.unwrap());
}

#[tokio::test]
async fn a_reset_keeps_the_keys_and_nothing_else() {
    let f = Fixture::with_cycle(2, 2).await;
    f.finish_all().await;
    let key =
        NewApiKey { executor: executor("a"), digest: Digest::of(b"k"), role: ApiKeyRole::Executor, expires_at: None };
    f.store.add_api_key(key).await.unwrap();
    f.store.reset().await.unwrap();
    let rows = f.store.scale().await.unwrap().rows;
    assert!(rows.iter().all(|(table, &count)| count == u64::from(table == "api_key")), "{rows:?}");
    assert_eq!(f.store.create_cycle(cycle(1, 1, 1)).await.unwrap(), Created::New);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_on_one_file_never_lease_the_same_task() {
    let f = Fixture::with_cycle(4, 20).await;
    let other = open(&f.folder, f.clock.clone());
    let pull = |store: Arc<dyn Store>, name: &'static str| async move {
        let mut taken = Vec::new();
        loop {
            let tasks = store.lease(request(name, 7)).await.unwrap().tasks;
            if tasks.is_empty() {
                return taken;
            }
            taken.extend(tasks.into_iter().map(|task| task.id));
        }
    };
    let (mut a, b) = tokio::join!(pull(f.store.clone(), "a"), pull(other, "b"));
    a.extend(b);
    a.sort();
    a.dedup();
    assert_eq!(a.len(), 160);
}

#[tokio::test]
async fn the_oldest_date_of_held_weights_is_remembered_and_no_other() {
    let f = fixture();
    let mut submissions = Vec::new();
    let (held, seen) = (WeightsDigest(Digest::of(b"held")), WeightsDigest(Digest::of(b"seen")));
    for (id, since) in [(1, 40), (2, 30), (3, 50)] {
        let mut cycle = cycle(id, 2, 1);
        let [first, second] = cycle.submissions.as_mut_slice() else { panic!("two miners") };
        (first.weights, first.holds, first.since) = (Some(held), true, BlockNumber(since));
        (second.weights, second.since) = (Some(seen), BlockNumber(since));
        let written = cycle.submissions.clone();
        f.store.create_cycle(cycle).await.unwrap();
        assert_eq!(f.store.submissions(CycleId(id)).await.unwrap(), written);
        f.store.fail_cycle(CycleId(id), "for the test".into()).await.unwrap();
        submissions = written;
    }
    let history = f.store.claim_history().await.unwrap();
    let (claim, others) = (submissions[0].claim.clone().unwrap(), submissions[1].claim.clone().unwrap());
    assert_eq!(
        (history.date(hotkey(1), held), history.weights_of(hotkey(1), &claim)),
        (Some(BlockNumber(30)), Some(held))
    );
    assert_eq!((history.date(hotkey(2), seen), history.weights_of(hotkey(2), &others)), (None, None));
    let moved = Claim { revision: "f".repeat(40), ..claim.clone() };
    assert_eq!((history.weights_of(hotkey(1), &moved), history.weights_of(hotkey(2), &claim)), (None, None));
}

#[tokio::test]
async fn weights_that_are_held_must_be_known() {
    let f = fixture();
    let mut cycle = cycle(1, 1, 1);
    cycle.submissions[0].holds = true;
    assert!(matches!(f.store.create_cycle(cycle).await, Err(StoreError::Conflict(_))));
    assert_eq!(f.store.scale().await.unwrap().rows["cycle"], 0);
}

#[tokio::test]
async fn a_database_of_the_first_schema_is_taken_over_with_its_claims_and_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let file = rusqlite::Connection::open(folder.path().join("kinitro.sqlite3")).unwrap();
    file.pragma_update(None, "foreign_keys", false).unwrap();
    file.execute_batch(include_str!("../vm-tests/upgrade/schema-1.sql")).unwrap();
    let refuse = "UPDATE submission SET admitted = 0, endpoint = NULL, reasons = '[\"repo_malformed\",\"not_due\"]' \
                  WHERE uid = (SELECT max(uid) FROM submission)";
    assert_eq!(file.execute(refuse, []).unwrap(), 1);
    drop(file);
    let store = open(&folder, LeaseClock::by_hand("this boot"));
    let submissions = store.submissions(CycleId(1)).await.unwrap();
    let refused = submissions.last().unwrap();
    assert_eq!(
        refused.reasons.iter().map(|reason| reason.code.slug()).collect::<Vec<_>>(),
        ["repo_malformed", "not_due"]
    );
    assert!(submissions.len() > 1 && submissions[0].reasons.is_empty());
    for submission in submissions {
        assert_eq!(submission.since, submission.claim.unwrap().block);
        assert_eq!((submission.weights, submission.holds), (None, false));
    }
    assert_eq!(store.claim_history().await.unwrap(), kinitro::admission::ClaimHistory::default());
}
