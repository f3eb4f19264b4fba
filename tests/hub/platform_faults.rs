//! Chutes' service when it is busy, broken, talks nonsense or sends one elsewhere.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kinitro::hub::HubError;
use kinitro::hub::platform::{DeployError, Deployment, Running};
use serde_json::json;

use crate::loopback::{Loopback, Reply};
use crate::platform::{KEY, Platform, chute};

const CHUTE: &str = "/chutes/alice-policy";
const IMAGE: &str = "/images/alice/alice-policy:0123456789ab";
const WARM_UP: &str = "/chutes/warmup/id-1";
/// So long that a busy machine makes no fault of its own.
const STALL: Duration = Duration::from_secs(20);

/// The program: done as soon as it ends.
const QUICK: &str = r#"
case "$1" in
  build) echo 'built and pushed' >image ;;
  deploy) echo 0123456789ab >chute ;;
esac
"#;

fn cut(reply: Reply, after: usize) -> Reply {
    Reply { cut_after: Some(after), ..reply }
}

fn endless(body: impl Into<Vec<u8>>) -> Reply {
    Reply { is_endless: true, ..Reply::bytes(body) }
}

/// What a chute is before an instance is up.
fn cold() -> Running {
    Running { claim_id: "alice-alice-policy".into(), platform_id: Some("id-1".into()), hot: false, revision: None }
}

#[tokio::test]
async fn a_busy_service_is_waited_for_and_nothing_is_done_twice() {
    let platform = Platform::with_faults(QUICK, |path, number| match (path, number) {
        (CHUTE, 1) => Some(Reply::status(429).with("retry-after", 1)),
        (CHUTE, 3) => Some(Reply::status(502)),
        (CHUTE, 4) => Some(cut(Reply::json(&chute("0123456789ab", false)), 20)),
        (IMAGE, 1) => Some(Reply::silence()),
        (IMAGE, 3) => Some(Reply::status(503).with("retry-after", 1)),
        _ => None,
    });
    let begun = Instant::now();
    let running = platform.chutes_within(STALL).deploy(&platform.order(), &mut |_| ()).await.unwrap();
    assert_eq!(running.revision.as_deref(), Some("0123456789ab"));
    assert!(begun.elapsed() >= Duration::from_secs(2), "Retry-After was not honoured");
    assert_eq!(platform.calls().len(), 2, "{:?}", platform.calls());
    assert_eq!([CHUTE, IMAGE].map(|path| platform.service.count("GET", path)), [5, 4]);
}

#[tokio::test]
async fn a_service_that_stays_broken_is_given_up_and_the_next_run_goes_on() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let broken = is_broken.clone();
    // It breaks once the program has built the image, and again once it has deployed.
    let platform = Platform::with_faults(QUICK, move |path, number| match path {
        IMAGE => (2..=6).contains(&number).then(|| Reply::status(500)),
        CHUTE => (number > 2 && broken.load(Ordering::Relaxed)).then(|| Reply::status(503)),
        _ => None,
    });
    let (chutes, order) = (platform.chutes_within(STALL), platform.order());
    for (status, programs) in [(500, 1), (503, 2)] {
        let error = chutes.deploy(&order, &mut |_| ()).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(&error, DeployError::Service(HubError::Server { status: s, .. }) if *s == status), "{text}");
        assert!(text.contains("later the same command goes on where it stopped") && !text.contains(KEY), "{text}");
        assert_eq!(platform.calls().len(), programs);
    }
    assert_eq!(platform.service.count("GET", CHUTE), 1 + 1 + 5, "five tries, not more");
    is_broken.store(false, Ordering::Relaxed);
    let running = chutes.deploy(&order, &mut |_| ()).await.unwrap();
    assert_eq!(running.revision.as_deref(), Some("0123456789ab"));
    assert_eq!(platform.calls().len(), 2, "what was built and deployed already was so again");
}

#[tokio::test]
async fn an_answer_that_means_nothing_is_an_error_and_nothing_is_built_for_it() {
    let json = |value| Reply::json(&value);
    let of_chutes = [
        Reply::bytes("<html>welcome</html>"),
        Reply::bytes("{\"chute_id\": "),
        json(json!([])),
        json(json!({"slug": "alice-alice-policy"})),
        json(json!({"chute_id": 7})),
        json(json!({"chute_id": "id-1", "hot": "perhaps"})),
    ];
    let of_images = [Reply::bytes(""), json(json!({"detail": "?"})), json(json!({"status": null}))];
    let cases = of_chutes.into_iter().map(|reply| (CHUTE, reply));
    for (asked, reply) in cases.chain(of_images.into_iter().map(|reply| (IMAGE, reply))) {
        let told = format!("{reply:?}");
        let platform = Platform::with_faults(QUICK, move |path, _| (path == asked).then(|| reply.clone()));
        let error = platform.chutes_within(STALL).deploy(&platform.order(), &mut |_| ()).await.unwrap_err();
        assert!(matches!(&error, DeployError::Service(HubError::Malformed { .. })), "{told}: {error}");
        assert!(error.to_string().contains("is its address right"), "{error}");
        assert_eq!((platform.calls().len(), platform.service.count("GET", asked)), (0, 1), "{told}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_read_to_its_cap() {
    let announced = Reply::bytes("{").with("content-length", 1_u64 << 40);
    for reply in [endless(vec![b' '; 64 << 10]), announced] {
        let platform = Platform::with_faults(QUICK, move |_, _| Some(reply.clone()));
        let error = platform.chutes_within(STALL).state().await.unwrap_err();
        assert!(matches!(&error, DeployError::Service(HubError::TooLarge { .. })), "{error}");
    }
    let events = "data: {\"status\": \"cold\"}\n\n".repeat(1_000);
    let platform = Platform::with_faults(QUICK, move |path, _| match path {
        WARM_UP => Some(endless(events.clone())),
        _ => Some(Reply::json(&chute("0123456789ab", false))),
    });
    let running = platform.chutes_within(STALL).warm_up(&cold(), &mut |_| ()).await.unwrap();
    assert!(!running.hot, "nobody said that it is up");
    assert_eq!(platform.service.count("GET", WARM_UP), 1);
}

#[tokio::test]
async fn a_warm_up_that_breaks_is_asked_for_anew() {
    let events = "data: {\"status\": \"cold\"}\n\n".repeat(9);
    let platform = Platform::with_faults("", move |path, number| match (path, number) {
        (WARM_UP, 1) => Some(cut(Reply::bytes(events.clone()), 100)),
        (WARM_UP, 2) => Some(Reply::status(429).with("retry-after", 1)),
        (CHUTE, _) => Some(Reply::json(&chute("0123456789ab", true))),
        _ => None,
    });
    let running = platform.chutes_within(STALL).warm_up(&cold(), &mut |_| ()).await.unwrap();
    assert!(running.hot);
    let warm_ups: Vec<_> = platform.service.asked().into_iter().filter(|asked| asked.path() == WARM_UP).collect();
    assert_eq!(warm_ups.len(), 3);
    assert!(warm_ups.iter().all(|asked| asked.header("range").is_empty()), "events are no file");
}

#[tokio::test]
async fn the_key_does_not_follow_a_redirect_to_another_host() {
    let elsewhere = Loopback::serve(|asked| match asked.path() {
        WARM_UP => Reply::bytes("data: {\"status\": \"hot\"}\n\n"),
        _ => Reply::json(&chute("0123456789ab", true)),
    });
    let target = elsewhere.url("");
    let platform = Platform::with_faults(QUICK, move |path, _| Some(Reply::redirect(307, &format!("{target}{path}"))));
    let chutes = platform.chutes_within(STALL);
    let running = chutes.state().await.unwrap().unwrap();
    assert!(chutes.warm_up(&running, &mut |_| ()).await.unwrap().hot);
    assert_eq!(elsewhere.asked().len(), 3);
    for asked in elsewhere.asked() {
        assert!(!format!("{asked:?}").contains(KEY) && asked.header("authorization").is_empty(), "{asked:?}");
    }
    let own = platform.service.asked();
    assert!(own.iter().all(|asked| asked.header("authorization") == format!("Bearer {KEY}")));
}
