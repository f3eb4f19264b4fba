//! What the reader makes of hubs, good ones and others.

use std::sync::Mutex;
use std::time::Duration;

use kinitro::admission::{ColdkeyText, Repository, RepositoryState, WeightsFault, WeightsState};
use kinitro::domain::{Hotkey, RepositoryRules};
use kinitro::hub::repository::{DescribeError, HubReader, Read, ReadCache, Reading};
use kinitro::hub::{HubError, Patience};
use serde_json::json;

use crate::fake_hub::{ALICE, Content, FakeHub, REPO, SHA, Storage, cut_after, first, plainly, safetensors};
use crate::loopback::Reply;

fn reader(hub: &FakeHub, cache: Option<ReadCache>) -> HubReader {
    let patience =
        Patience { first_pause: Duration::from_millis(1), stall: Duration::from_secs(5), ..Patience::default() };
    HubReader::new(&hub.hub.url(""), cache, patience).unwrap()
}

async fn described(reader: &HubReader, rules: &RepositoryRules) -> Result<RepositoryState, DescribeError> {
    let reading = Reading { rules, time: Duration::from_secs(60), owners: None, only_known: false, progress: &|_| () };
    reader.describe(REPO, SHA, &reading).await
}

async fn state(hub: &FakeHub) -> Result<RepositoryState, DescribeError> {
    described(&reader(hub, None), &RepositoryRules::default()).await
}

async fn found(hub: &FakeHub) -> Repository {
    match state(hub).await.unwrap() {
        RepositoryState::Found(repository) => repository,
        other => panic!("{other:?}"),
    }
}

async fn digest(hub: &FakeHub) -> String {
    match found(hub).await.weights {
        WeightsState::Read(weights) => weights.digest().to_string(),
        other => panic!("{other:?}"),
    }
}

/// A model large enough for several network buffers.
fn large() -> Vec<u8> {
    let data: Vec<u8> = (0..400_000_u32).map(|byte| (byte % 251) as u8).collect();
    safetensors("w", &data)
}

#[tokio::test]
async fn a_public_repository_is_described_whole_and_without_a_token() {
    let hub = FakeHub::of(Content::good());
    let repository = found(&hub).await;
    assert_eq!(repository.sha, SHA);
    assert_eq!(repository.last_modified.unwrap().to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(repository.coldkey, ColdkeyText::Text(format!("{ALICE}\n")));
    assert_eq!(repository.files.len(), 3);
    assert!(matches!(repository.weights, WeightsState::Read(_)));
    let asked = [hub.hub.asked(), hub.storage.asked()].concat();
    assert!(asked.iter().all(|asked| asked.header("authorization").is_empty()));
    assert_eq!(hub.storage.asked().len(), 1);
}

#[tokio::test]
async fn names_shards_and_folders_make_no_other_model() {
    let split = Content::good()
        .without("model.safetensors")
        .with("a/Model-1.safetensors", safetensors("x", &[7; 4_000]))
        .with("b/2.safetensors", safetensors("y", &[9; 80]));
    let whole = Content::good().with("z.safetensors", safetensors("other", &[9; 80]));
    assert_eq!(digest(&FakeHub::of(split)).await, digest(&FakeHub::of(whole)).await);
}

#[tokio::test]
async fn what_the_hub_keeps_from_strangers_is_the_miner_s_to_mend() {
    let refusals = [
        (401, "RepoNotFound", RepositoryState::Missing),
        (401, "", RepositoryState::Missing),
        (404, "RepoNotFound", RepositoryState::Missing),
        (404, "RevisionNotFound", RepositoryState::RevisionMissing),
        (401, "GatedRepo", RepositoryState::Private("gated".into())),
        (403, "GatedRepo", RepositoryState::Private("gated".into())),
        (403, "DisabledRepo", RepositoryState::Private("disabled".into())),
    ];
    for (status, code, expected) in refusals {
        let reply = Reply::status(status);
        let reply = if code.is_empty() { reply } else { reply.with("x-error-code", code) };
        assert_eq!(state(&FakeHub::of(Content::good().answering(reply))).await.unwrap(), expected, "{status} {code}");
    }
    for (info, kind) in [(json!({"private": true}), "private"), (json!({"gated": "manual"}), "gated")] {
        let state = state(&FakeHub::of(Content::good().info(info))).await.unwrap();
        assert_eq!(state, RepositoryState::Private(kind.into()));
    }
}

#[tokio::test]
async fn what_the_hub_or_the_network_does_wrong_is_nobody_s_refusal() {
    let wrong = [
        Reply::status(500),
        Reply::status(404),
        Reply::status(403),
        Reply::status(429).with("retry-after", 86_400),
        Reply::bytes("<html>"),
        Reply::json(&json!({"siblings": []})),
        Reply::json(&json!({"sha": SHA, "siblings": [{"rfilename": "a.safetensors"}]})),
        Reply { cut_after: Some(3), ..Reply::json(&json!({"sha": SHA})) },
    ];
    for reply in wrong {
        let failed = state(&FakeHub::of(Content::good().answering(reply.clone()))).await;
        assert!(failed.is_err(), "{reply:?} gave {failed:?}");
    }
    let busy =
        Content { instead: vec![Reply::status(503), Reply::status(429).with("retry-after", 0)], ..Content::good() };
    assert!(matches!(state(&FakeHub::of(busy)).await, Ok(RepositoryState::Found(_))));
}

#[tokio::test]
async fn nothing_is_downloaded_of_what_is_too_large_too_small_or_pickled() {
    let rules = |min_bytes, max_bytes| RepositoryRules { min_bytes, max_bytes, ..RepositoryRules::default() };
    let huge = json!({"siblings": [
        {"rfilename": "a.safetensors", "size": 134, "lfs": {"sha256": "a".repeat(64), "size": u64::MAX}},
        {"rfilename": "b.safetensors", "size": u64::MAX},
    ]});
    let cases = [
        (Content::good().info(huge), rules(0, 18_000_000_000)),
        (Content::good(), rules(0, 100)),
        (Content::good(), rules(100_000, 200_000)),
        (Content::good().with("model.PT", "x"), rules(0, 18_000_000_000)),
    ];
    for (content, rules) in cases {
        let hub = FakeHub::of(content);
        let Ok(RepositoryState::Found(repository)) = described(&reader(&hub, None), &rules).await else { panic!() };
        assert_eq!(repository.weights, WeightsState::NotRead);
        assert!(hub.storage.asked().is_empty());
    }
}

#[tokio::test]
async fn a_transfer_that_is_cut_goes_on_where_it_broke() {
    let content = || Content::good().with("model.safetensors", large());
    let hub = FakeHub::with_storage(content(), cut_after(150_000));
    assert_eq!(digest(&hub).await, digest(&FakeHub::of(content())).await);
    let starts: Vec<String> = hub.storage.asked().iter().map(|asked| asked.header("range").to_owned()).collect();
    assert!(starts.len() == 3 && starts[1].starts_with("bytes=150000-"), "{starts:?}");
}

#[tokio::test]
async fn a_storage_without_ranges_is_read_again_from_the_beginning() {
    let whole: fn() -> Storage = || Box::new(|_, file| Reply::bytes(file));
    let cut: Storage = Box::new(|_, file| Reply { cut_after: Some(150_000), ..Reply::bytes(file) });
    let content = || Content::good().with("model.safetensors", large());
    // One answer is cut; the next, asked for the rest, is whole and so of no use; the third begins again.
    let hub = FakeHub::with_storage(content(), first(1, cut, whole()));
    let seen = Mutex::new(Vec::new());
    let rules = RepositoryRules::default();
    let progress = |read: Read| seen.lock().unwrap().push(read);
    let reading =
        Reading { rules: &rules, time: Duration::from_secs(60), owners: None, only_known: false, progress: &progress };
    let state = reader(&hub, None).describe(REPO, SHA, &reading).await.unwrap();
    let RepositoryState::Found(Repository { weights: WeightsState::Read(weights), .. }) = state else { panic!() };
    assert_eq!(weights.digest().to_string(), digest(&FakeHub::of(content())).await);
    assert_eq!(hub.storage.asked().len(), 3);
    let total = large().len() as u64;
    assert_eq!(seen.lock().unwrap().last(), Some(&Read { done: total, total }));
}

#[tokio::test]
async fn wrong_bytes_are_the_hub_s_fault_and_are_asked_for_again() {
    let spoilt: fn() -> Storage = || {
        Box::new(|asked, file| {
            let mut reply = plainly(asked, file);
            // The length of the header, so that the file is no safetensors file any more.
            reply.body[0] ^= 1;
            reply
        })
    };
    let hub = FakeHub::with_storage(Content::good(), first(1, spoilt(), Box::new(plainly)));
    assert_eq!(digest(&hub).await, digest(&FakeHub::of(Content::good())).await);
    let error = state(&FakeHub::with_storage(Content::good(), spoilt())).await.unwrap_err();
    assert!(matches!(error, DescribeError::WrongDigest { .. }), "{error}");
}

#[tokio::test]
async fn a_file_that_is_shorter_than_promised_is_the_hub_s_fault_and_one_that_never_ends_is_cut_off() {
    let short: Storage = Box::new(|_, file| Reply::bytes(&file[..100]));
    let error = state(&FakeHub::with_storage(Content::good(), short)).await.unwrap_err();
    assert!(matches!(error, DescribeError::Hub(HubError::Cut { .. } | HubError::Malformed { .. })), "{error}");
    let endless: Storage = Box::new(|_, file| {
        let mut body = file.to_vec();
        body.resize(8 << 20, 0);
        Reply::bytes(body)
    });
    let hub = FakeHub::with_storage(Content::good(), endless);
    assert_eq!(digest(&hub).await, digest(&FakeHub::of(Content::good())).await);
}

#[tokio::test]
async fn files_that_are_no_safetensors_are_the_miner_s_fault_once_all_their_bytes_are_proved() {
    let mut huge_header = u64::MAX.to_le_bytes().to_vec();
    huge_header.resize(1_000, b' ');
    let mut pickles = b"PK\x03\x04\x14\x00\x08\x08data.pkl".to_vec();
    pickles.resize(1_000, 0);
    let mut padded = safetensors("w", &[7; 40]);
    padded.push(0);
    for (bytes, said) in [(huge_header, "header"), (pickles, "zip"), (padded, "padded"), (Vec::new(), "ends")] {
        let repository = found(&FakeHub::of(Content::good().with("model.safetensors", bytes))).await;
        let WeightsState::Wrong(problem) = repository.weights else { panic!("{said}") };
        assert_eq!((problem.fault, problem.file.as_str()), (WeightsFault::Malformed, "model.safetensors"));
        assert!(problem.what.contains(said), "{problem:?}");
    }
}

#[tokio::test]
async fn what_was_read_once_is_not_read_again_wherever_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || Some(ReadCache::open(&folder.path().join("weights")).unwrap());
    let rules = RepositoryRules::default();
    let content = || Content::good().with("a.safetensors", safetensors("a", &[1; 400]));
    // The second file does not come: the first is kept.
    let broken: Storage = Box::new(|asked, file| match asked.path().contains("model") {
        true => Reply::status(404),
        false => plainly(asked, file),
    });
    let hub = FakeHub::with_storage(content(), broken);
    assert!(described(&reader(&hub, cache()), &rules).await.is_err());
    let hub = FakeHub::of(content());
    let first = described(&reader(&hub, cache()), &rules).await.unwrap();
    assert_eq!(hub.storage.count("GET", "/blob/a.safetensors"), 0);
    assert_eq!(hub.storage.count("GET", "/blob/model.safetensors"), 1);
    let moved = Content::good().without("model.safetensors").with("x/y.safetensors", safetensors("w", &[7; 4_000]));
    let hub = FakeHub::of(moved.with("z.safetensors", safetensors("a", &[1; 400])));
    let RepositoryState::Found(second) = described(&reader(&hub, cache()), &rules).await.unwrap() else { panic!() };
    assert!(hub.storage.asked().is_empty());
    let RepositoryState::Found(first) = first else { panic!() };
    assert_eq!(first.weights, second.weights);
    // A spoilt entry is no entry.
    for entry in std::fs::read_dir(folder.path().join("weights")).unwrap() {
        std::fs::write(entry.unwrap().path(), "{").unwrap();
    }
    assert!(described(&reader(&hub, cache()), &rules).await.is_ok());
    assert_eq!(hub.storage.asked().len(), 2);
}

#[tokio::test]
async fn the_time_of_a_check_is_bounded() {
    let hub = FakeHub::with_storage(
        Content::good(),
        Box::new(|_, _| {
            std::thread::sleep(Duration::from_secs(3));
            Reply::status(500)
        }),
    );
    let rules = RepositoryRules::default();
    let reading =
        Reading { rules: &rules, time: Duration::from_millis(200), owners: None, only_known: false, progress: &|_| () };
    let error = reader(&hub, None).describe(REPO, SHA, &reading).await.unwrap_err();
    assert!(matches!(error, DescribeError::OutOfTime { .. }), "{error}");
}

#[tokio::test]
async fn a_branch_whose_name_looks_like_a_sha_is_no_revision() {
    let hub = FakeHub::of(Content::good().info(json!({"sha": "f".repeat(40)})));
    assert_eq!(state(&hub).await.unwrap(), RepositoryState::RevisionMissing);
    assert!(hub.storage.asked().is_empty());
}

#[tokio::test]
async fn a_storage_that_refuses_strangers_says_nothing_about_the_miner() {
    let hub = FakeHub::with_storage(Content::good(), Box::new(|_, _| Reply::status(401)));
    assert!(matches!(state(&hub).await, Err(DescribeError::Hub(HubError::Unauthorised { .. }))));
}

#[tokio::test]
async fn a_busy_storage_is_waited_for_and_a_broken_one_says_nothing_about_the_miner() {
    let busy: Storage = Box::new(|_, _| Reply::status(429).with("retry-after", 1));
    let hub = FakeHub::with_storage(Content::good(), first(1, busy, Box::new(plainly)));
    let begun = std::time::Instant::now();
    assert!(matches!(found(&hub).await.weights, WeightsState::Read(_)));
    assert!(begun.elapsed() >= Duration::from_secs(1), "Retry-After was not honoured");
    let hub = FakeHub::with_storage(Content::good(), Box::new(|_, _| Reply::status(502)));
    let error = state(&hub).await.unwrap_err();
    assert!(matches!(&error, DescribeError::Hub(HubError::Server { status: 502, .. })), "{error}");
    assert!(error.to_string().contains("the same command goes on"), "{error}");
    assert_eq!(hub.storage.asked().len(), 5);
}

#[tokio::test]
async fn small_files_are_held_against_gits_name_of_them() {
    let model = safetensors("w", &[7; 4_000]);
    let listed = |blob: &str| {
        json!({"siblings": [
            {"rfilename": "model.safetensors", "size": model.len(), "blobId": blob, "lfs": null},
        ]})
    };
    let blob = [format!("blob {}\0", model.len()).as_bytes(), &model].concat();
    let blob = hex::encode(<sha1::Sha1 as sha2::Digest>::digest(blob));
    let good = FakeHub::of(Content::good().info(listed(&blob)));
    assert!(matches!(found(&good).await.weights, WeightsState::Read(_)));
    let wrong = FakeHub::of(Content::good().info(listed(&"0".repeat(40))));
    assert!(matches!(state(&wrong).await, Err(DescribeError::WrongDigest { .. })));
}

#[tokio::test]
async fn tensors_that_belong_to_somebody_else_are_not_read() {
    let hub = FakeHub::of(Content::good());
    let (alice, other) = (ALICE.parse().unwrap(), Hotkey([9; 32]));
    let rules = RepositoryRules::default();
    let read = async |owners: &[Hotkey], rules: &RepositoryRules| {
        let time = Duration::from_secs(60);
        let reading = Reading { rules, time, owners: Some(owners), only_known: false, progress: &|_| () };
        match reader(&hub, None).describe(REPO, SHA, &reading).await.unwrap() {
            RepositoryState::Found(repository) => repository.weights,
            state => panic!("{state:?}"),
        }
    };
    assert_eq!(read(&[other], &rules).await, WeightsState::NotRead);
    assert!(hub.storage.asked().is_empty());
    assert!(matches!(read(&[other, alice], &rules).await, WeightsState::Read(_)));
    let nobody = RepositoryRules { coldkey_file: false, ..rules };
    assert!(matches!(read(&[other], &nobody).await, WeightsState::Read(_)));
}

#[tokio::test]
async fn when_the_time_is_over_what_was_read_before_is_still_known() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || Some(ReadCache::open(folder.path()).unwrap());
    let hub = FakeHub::of(Content::good());
    let rules = RepositoryRules::default();
    let time = Duration::from_secs(60);
    let known = Reading { rules: &rules, time, owners: None, only_known: true, progress: &|_| () };
    let late = reader(&hub, cache()).describe(REPO, SHA, &known).await;
    assert!(matches!(late, Err(DescribeError::OutOfTime { .. })), "{late:?}");
    let first = described(&reader(&hub, cache()), &rules).await.unwrap();
    assert_eq!(reader(&hub, cache()).describe(REPO, SHA, &known).await.unwrap(), first);
    assert_eq!(hub.storage.asked().len(), 1);
}
