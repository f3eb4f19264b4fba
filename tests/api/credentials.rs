//! Who may work on tasks.

use kinitro::domain::Digest;
use kinitro::service::api::Access;
use kinitro::service::http_server::HttpLimits;
use kinitro::store::{ApiKeyRole, NewApiKey};
use serde_json::json;

use crate::server::{KEY, Server, start, start_with};
use crate::support::executor;

#[tokio::test]
async fn an_executor_without_a_key_gets_401() {
    let server = start().await;
    for path in ["/v1/tasks/fetch", "/v1/tasks/heartbeat", "/v1/tasks/submit", "/v1/tasks/release"] {
        let response = server.http.post(server.at(path)).json(&json!({"executor_id": "a"})).send().await.unwrap();
        assert_eq!(response.status(), 401, "{path}");
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(response.json::<serde_json::Value>().await.unwrap()["code"], "unauthorized");
    }
    let path = format!("/v1/transcripts/{}", Digest::ZERO);
    assert_eq!(server.answer(server.http.put(server.at(&path)).body("x")).await.0, 401);
}

#[tokio::test]
async fn a_wrong_or_expired_or_revoked_key_gets_401() {
    let server = start().await;
    let fetch = |key: &'static str| {
        let request = server.http.post(server.at("/v1/tasks/fetch")).json(&json!({"executor_id": "a"}));
        server.answer(request.header("authorization", key))
    };
    assert_eq!(fetch("Bearer kinitro_wrong").await.0, 401);
    assert_eq!(fetch("Basic YTpi").await.0, 401);
    assert_eq!(fetch("Bearer").await.0, 401);

    let expired = NewApiKey {
        executor: executor("a"),
        digest: Digest::of(b"old"),
        role: ApiKeyRole::Executor,
        expires_at: Some(jiff::Timestamp::from_second(1_000_000_000).unwrap()),
    };
    server.store.add_api_key(expired).await.unwrap();
    assert_eq!(fetch("Bearer old").await.0, 401);

    let fine = server.post("/v1/tasks/fetch", &json!({"executor_id": "a"})).await;
    assert_eq!(fine.0, 200, "{fine:?}");
    server.store.revoke_api_key(1).await.unwrap();
    assert_eq!(server.post("/v1/tasks/fetch", &json!({"executor_id": "a"})).await.0, 401);
}

#[tokio::test]
async fn a_key_works_for_its_own_executor_only() {
    let server = Server::with_cycle(1, 1).await;
    let (status, body) = server.post("/v1/tasks/fetch", &json!({"executor_id": "b"})).await;
    assert_eq!((status, body["code"].as_str()), (401, Some("unauthorized")));
    assert_eq!(server.store.task_stats(None).await.unwrap().progress.leased, 0);
}

#[tokio::test]
async fn public_reads_need_no_key() {
    let server = Server::with_cycle(1, 1).await;
    for path in ["/health", "/v1/status", "/v1/cycles", "/v1/miners", "/v1/environments", "/v1/tasks/stats"] {
        assert_eq!(server.get(path).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn without_authentication_everybody_is_believed() {
    let server = start_with(Access::Open, HttpLimits::default()).await;
    let request = server.http.post(server.at("/v1/tasks/fetch")).json(&json!({"executor_id": "anybody"}));
    assert_eq!(server.answer(request).await.0, 200);
}

#[tokio::test]
async fn no_answer_shows_a_key() {
    let server = start().await;
    let request = server.http.post(server.at("/v1/tasks/fetch")).bearer_auth(format!("{KEY}x")).json(&json!({}));
    let body = request.send().await.unwrap().text().await.unwrap();
    assert!(!body.contains(&KEY[..20]), "{body}");
}
