//! Redirects, tokens, retries, caps and broken connections.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::TryStreamExt;
use kinitro::hub::{HubError, HubHttp, Patience, Token};
use serde_json::{Value, json};

use crate::loopback::{Asked, Loopback, Reply};

const TOKEN: &str = "hf_never_to_be_seen";

fn hub(server: &Loopback) -> HubHttp {
    let token = Token::new(TOKEN, "HF_TOKEN").unwrap();
    let patience =
        Patience { first_pause: Duration::from_millis(1), stall: Duration::from_secs(2), ..Patience::default() };
    HubHttp::with_patience(server.url("").parse().unwrap(), Some(token), patience).unwrap()
}

/// Answers in turn; the last one stays.
fn in_turn(replies: Vec<Reply>) -> impl Fn(&Asked) -> Reply + Send + Sync {
    let left = Mutex::new(replies);
    move |_| {
        let mut left = left.lock().unwrap();
        if left.len() > 1 { left.remove(0) } else { left[0].clone() }
    }
}

#[tokio::test]
async fn the_token_goes_to_the_service_and_not_where_it_redirects() {
    let storage = Loopback::serve(|_| Reply::bytes("weights"));
    let target = storage.url("/blob?signature=secret");
    let service = Loopback::serve(move |asked| match asked.path() {
        "/start" => Reply::redirect(302, "/own"),
        _ => Reply::redirect(302, &target),
    });
    assert_eq!(hub(&service).get_bytes("/start", 100).await.unwrap(), b"weights");
    let seen: Vec<String> = service.asked().iter().map(|asked| asked.header("authorization").to_owned()).collect();
    assert_eq!(seen, [format!("Bearer {TOKEN}"), format!("Bearer {TOKEN}")]);
    assert_eq!(storage.asked()[0].header("authorization"), "");
    assert!(storage.asked()[0].header("user-agent").starts_with("kinitro/"));
}

#[tokio::test]
async fn redirects_that_loop_or_lead_to_other_schemes_end() {
    let service = Loopback::serve(|asked| match asked.path() {
        "/loop" => Reply::redirect(307, "/loop"),
        "/user" => Reply::redirect(302, "http://user:password@127.0.0.1/"),
        _ => Reply::redirect(302, "file:///etc/passwd"),
    });
    let hub = hub(&service);
    for path in ["/loop", "/user", "/file"] {
        let error = hub.get_bytes(path, 100).await.unwrap_err();
        assert!(matches!(error, HubError::Redirect { .. }), "{path}: {error}");
    }
    assert_eq!(service.count("GET", "/loop"), 6);
}

#[tokio::test]
async fn what_is_posted_does_not_follow_a_redirect_to_another_server() {
    let other = Loopback::serve(|_| Reply::json(&json!({})));
    let target = other.url("/take");
    let service = Loopback::serve(move |asked| match asked.path() {
        "/renamed" => Reply::redirect(307, "/here"),
        "/here" => Reply::json(&json!({"ok": true})),
        _ => Reply::redirect(307, &target),
    });
    let posted: Value = hub(&service).post_json("/renamed", &json!({"a": 1}), 100).await.unwrap();
    assert_eq!(posted, json!({"ok": true}));
    assert_eq!(service.asked()[1].json(), json!({"a": 1}));
    let error = hub(&service).post_json::<_, Value>("/stolen", &json!({"a": 1}), 100).await.unwrap_err();
    assert!(matches!(error, HubError::Redirect { .. }), "{error}");
    assert!(other.asked().is_empty());
}

#[tokio::test]
async fn a_busy_server_is_waited_for_and_a_refusal_is_not_repeated() {
    let good = Reply::json(&json!(7));
    let busy = Loopback::serve(in_turn(vec![
        Reply::status(429).with("retry-after", 1),
        Reply::status(503),
        Reply { cut_after: Some(0), ..good.clone() },
        good,
    ]));
    let begun = std::time::Instant::now();
    assert_eq!(hub(&busy).get_json::<u32>("/x", 100).await.unwrap(), 7);
    assert!(begun.elapsed() >= Duration::from_secs(1), "Retry-After was not honoured");
    let endless = Loopback::serve(|_| Reply::status(500));
    assert!(matches!(hub(&endless).get_json::<u32>("/x", 100).await, Err(HubError::Server { status: 500, .. })));
    assert_eq!(endless.asked().len(), 5);
    for (status, variable) in [(401, "HF_TOKEN"), (403, "write"), (404, "/x"), (409, "taken")] {
        let refusal = Reply { status, ..Reply::json(&json!({"error": format!("taken by {TOKEN}\u{1b}[2J")})) };
        let server = Loopback::serve(move |_| refusal.clone().with("x-error-code", "RepoNotFound"));
        let error = hub(&server).get_json::<u32>("/x", 100).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(variable) && !text.contains(TOKEN) && !text.contains('\u{1b}'), "{text}");
        assert_eq!((server.asked().len(), error.status()), (1, Some(status)));
    }
}

#[tokio::test]
async fn a_server_that_asks_for_hours_of_patience_has_refused() {
    let server = Loopback::serve(|_| Reply::status(429).with("retry-after", 7_200));
    let error = hub(&server).get_json::<u32>("/x", 100).await.unwrap_err();
    assert!(error.to_string().contains("7200 s") && error.is_transient(), "{error}");
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_commit_is_never_sent_twice_when_its_fate_is_unknown() {
    let server = Loopback::serve(|_| Reply::status(502));
    let error = hub(&server).post_once::<Value>("/commit", "application/x-ndjson", vec![1], 100).await.unwrap_err();
    assert!(error.is_of_unknown_fate());
    assert_eq!(server.asked().len(), 1);
    let busy = Loopback::serve(in_turn(vec![Reply::status(429), Reply::json(&json!(1))]));
    hub(&busy).post_once::<Value>("/commit", "application/x-ndjson", vec![1], 100).await.unwrap();
    assert_eq!(busy.asked().len(), 2);
}

#[tokio::test]
async fn no_answer_is_read_beyond_its_cap_and_broken_json_is_no_answer() {
    let server = Loopback::serve(|asked| match asked.path() {
        "/long" => Reply::bytes(vec![b' '; 101]),
        _ => Reply::bytes("{\"a\": "),
    });
    let long = hub(&server).get_json::<Value>("/long", 100).await.unwrap_err();
    assert!(matches!(long, HubError::TooLarge { cap_bytes: 100, .. }), "{long}");
    let broken = hub(&server).get_json::<Value>("/broken", 100).await.unwrap_err();
    assert!(matches!(broken, HubError::Malformed { .. }), "{broken}");
}

#[tokio::test]
async fn a_list_goes_on_only_on_the_same_service() {
    let server = Loopback::serve(|asked| match asked.target.as_str() {
        "/list" => Reply::json(&json!([1])).with("link", "</list?cursor=a%2Fb>; rel=\"next\""),
        "/list?cursor=a%2Fb" => Reply::json(&json!([2])).with("link", "<https://elsewhere.example/list>; rel=\"next\""),
        other => panic!("{other}"),
    });
    let first = hub(&server).get_page::<Vec<u8>>("/list", 100).await.unwrap();
    let second = hub(&server).get_page::<Vec<u8>>(&first.next.unwrap(), 100).await.unwrap();
    assert_eq!((first.content, second.content, second.next), (vec![1], vec![2], None));
}

/// Serves a file with ranges; each answer is cut after `cut` bytes.
fn file_server(file: Vec<u8>, cut: usize) -> impl Fn(&Asked) -> Reply + Send + Sync {
    move |asked| {
        let range = asked.header("range").strip_prefix("bytes=").map(str::to_owned);
        let Some(range) = range else { return Reply { cut_after: Some(cut), ..Reply::bytes(file.clone()) } };
        let (from, to) = range.split_once('-').unwrap();
        let from: usize = from.parse().unwrap();
        let to: usize = to.parse().map_or(file.len(), |to: usize| to + 1);
        let named = format!("bytes {from}-{}/{}", to - 1, file.len());
        let reply = Reply { status: 206, cut_after: Some(cut), ..Reply::bytes(&file[from..to]) };
        reply.with("content-range", named)
    }
}

async fn downloaded(hub: &HubHttp, path: &str, range: Option<std::ops::Range<u64>>) -> Result<Vec<u8>, HubError> {
    let stream = hub.get_stream(path, range).await?.into_stream();
    stream.try_fold(Vec::new(), |all, chunk| async move { Ok([all, chunk.to_vec()].concat()) }).await
}

#[tokio::test]
async fn a_download_goes_on_where_the_connection_broke() {
    let file: Vec<u8> = (0..100_000_u32).map(|byte| byte as u8).collect();
    let server = Loopback::serve(file_server(file.clone(), 30_000));
    assert_eq!(downloaded(&hub(&server), "/file", None).await.unwrap(), file);
    let ranges: Vec<String> = server.asked().iter().map(|asked| asked.header("range").to_owned()).collect();
    assert_eq!(ranges, ["", "bytes=30000-99999", "bytes=60000-99999", "bytes=90000-99999"]);
    assert_eq!(downloaded(&hub(&server), "/file", Some(5..40_000)).await.unwrap(), &file[5..40_000]);
}

#[tokio::test]
async fn a_download_that_never_moves_or_becomes_another_file_ends() {
    let stuck = Loopback::serve(file_server(vec![1; 100], 0));
    assert!(matches!(downloaded(&hub(&stuck), "/file", None).await, Err(HubError::Cut { .. })));
    assert_eq!(stuck.asked().len(), 5);
    let serve = file_server(vec![1; 100], 60);
    let tag = Mutex::new(0);
    let changing = Loopback::serve(move |asked| {
        *tag.lock().unwrap() += 1;
        serve(asked).with("etag", *tag.lock().unwrap())
    });
    assert!(matches!(downloaded(&hub(&changing), "/file", None).await, Err(HubError::Changed { .. })));
    let deaf = Loopback::serve(|_| Reply::bytes(vec![1; 100]));
    let error = downloaded(&hub(&deaf), "/file", Some(10..20)).await.unwrap_err();
    assert!(matches!(error, HubError::Malformed { .. }), "{error}");
}
