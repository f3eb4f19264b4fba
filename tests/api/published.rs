//! What anybody may read of published cycles.

use kinitro::admission::read_commitment;
use kinitro::domain::*;
use kinitro::store::*;
use serde_json::json;

use crate::server::{Server, start};
use crate::support::{self, environment, hotkey};

/// A server whose first cycle is published with two miners' scores.
async fn published() -> Server {
    let server = Server::with_cycle(2, 1).await;
    server.store.leave_out_unfinished(CycleId(1)).await.unwrap();
    server.store.seal_cycle(CycleId(1)).await.unwrap();
    let score = |uid: u8, rate: f64| ScoreRow {
        uid: Uid(uid.into()),
        hotkey: hotkey(uid),
        environment: environment("push"),
        success_rate: rate,
        rate_low: 0.25,
        rate_high: 1.0,
        mean_reward: 10.5,
        counted: 4,
        failed: 1,
        left_out: 0,
    };
    let weight = |uid: u8, weight: f64, weight_u16: u16| WeightRow {
        uid: Uid(uid.into()),
        hotkey: hotkey(uid),
        points: "4".into(),
        weight,
        weight_u16,
    };
    let publication = Publication {
        scores: vec![score(1, 1.0), score(2, 0.5)],
        weights: vec![weight(1, 0.75, 49_151), weight(2, 0.25, 16_383)],
        no_weights: None,
        ..support::publication(1, Digest::ZERO)
    };
    server.store.publish_cycle(publication).await.unwrap();
    server
}

#[tokio::test]
async fn before_the_first_cycle_there_is_nothing_to_read() {
    let server = start().await;
    for path in ["/v1/weights/latest", "/v1/weights/100", "/v1/scores/latest", "/v1/scores/1", "/v1/cycles/1"] {
        assert_eq!(server.get(path).await.0, 404, "{path}");
    }
    let (_, status) = server.get("/v1/status").await;
    assert_eq!((&status["current_cycle"], &status["is_evaluating"]), (&json!(null), &json!(false)));
    assert_eq!(server.get("/v1/miners").await.1, json!([]));
}

#[tokio::test]
async fn weights_name_uids_hotkeys_and_manifest() {
    let server = published().await;
    let (status, weights) = server.get("/v1/weights/latest").await;
    assert_eq!(status, 200);
    assert_eq!(weights["cycle_id"], 1);
    assert_eq!(weights["block_number"], 100);
    assert_eq!(weights["weights"], json!({"1": 0.75, "2": 0.25}));
    assert_eq!(weights["weights_u16"], json!({"uids": [1, 2], "values": [49_151, 16_383]}));
    assert_eq!(weights["hotkeys"]["2"], hotkey(2).ss58());
    assert_eq!(weights["metadata"]["n_miners_evaluated"], 2);
    assert_eq!(weights["manifest_digest"], Digest::of(b"manifest of cycle 1").to_string());
    assert!(weights["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(server.get("/v1/weights/100").await.1["cycle_id"], 1);
    assert_eq!(server.get("/v1/weights/101").await.0, 404);
    assert_eq!(server.get("/v1/weights/x").await.0, 422);
}

#[tokio::test]
async fn scores_come_with_intervals_and_a_summary() {
    let server = published().await;
    let (_, scores) = server.get("/v1/scores/latest").await;
    assert_eq!(scores["cycle"]["status"], "completed");
    assert_eq!(scores["scores"][0]["interval"], json!([0.25, 1.0]));
    assert_eq!(scores["scores"][0]["episodes_completed"], 4);
    assert_eq!(scores["miner_summary"], json!({"1": {"metaworld/push-v3": 1.0}, "2": {"metaworld/push-v3": 0.5}}));
    assert_eq!(server.get("/v1/scores/1").await.1, scores);
}

#[tokio::test]
async fn miners_and_environments_are_listed_in_parts() {
    let server = published().await;
    let first = server.http.get(server.at("/v1/miners?limit=1")).send().await.unwrap();
    let cursor = first.headers()["x-next-cursor"].to_str().unwrap().to_owned();
    let first: serde_json::Value = first.json().await.unwrap();
    assert_eq!((&first[0]["uid"], first.as_array().unwrap().len()), (&json!(1), 1));
    let (_, second) = server.get(&format!("/v1/miners?limit=1&cursor={cursor}")).await;
    assert_eq!(second[0]["uid"], 2);
    let (_, environments) = server.get("/v1/environments").await;
    assert_eq!(environments[0]["env_id"], "metaworld/push-v3");
    assert_eq!((&environments[0]["n_evaluations"], &environments[0]["avg_success_rate"]), (&json!(8), &json!(0.75)));
    assert_eq!((&environments[1]["task_name"], &environments[1]["n_evaluations"]), (&json!("reach-v3"), &json!(0)));
}

#[tokio::test]
async fn a_manifest_is_served_byte_for_byte_once_published() {
    let server = published().await;
    let response = server.http.get(server.at("/v1/cycles/1/manifest")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.bytes().await.unwrap(), "manifest of cycle 1");
    server.store.create_cycle(support::cycle(2, 1, 1)).await.unwrap();
    let (status, body) = server.get("/v1/cycles/2/manifest").await;
    assert_eq!((status, body["code"].as_str()), (404, Some("not_published")));
    let (_, list) = server.get("/v1/cycles?limit=1").await;
    assert_eq!((&list["cycles"][0]["id"], &list["next_cursor"]), (&json!(2), &json!("2")));
    let (_, status) = server.get("/v1/status").await;
    assert_eq!(status["current_cycle"]["status"], "pending");
    assert_eq!(status["last_completed_cycle"]["id"], 1);
    assert_eq!(status["environments"], json!(["metaworld/reach-v3", "metaworld/push-v3"]));
}

#[tokio::test]
async fn why_a_cycle_failed_is_not_told_to_strangers() {
    let server = Server::with_cycle(1, 1).await;
    server.store.fail_cycle(CycleId(1), "the key file /secret/path is missing".into()).await.unwrap();
    let (_, cycle) = server.get("/v1/cycles/1").await;
    assert_eq!(cycle["status"], "failed");
    assert!(!cycle.to_string().contains("secret"), "{cycle}");
}

#[tokio::test]
async fn submissions_are_told_with_verdict_reasons_and_weights() {
    let server = start().await;
    let (status, _) = server.get("/v1/submissions").await;
    assert_eq!(status, 404);
    let mut cycle = support::cycle(1, 1, 1);
    let weights = WeightsDigest(Digest::of(b"weights"));
    cycle.submissions[0].weights = Some(weights);
    cycle.submissions.push(Submission {
        uid: Uid(9),
        hotkey: hotkey(9),
        claim: None,
        endpoint: None,
        admitted: false,
        reasons: read_commitment(b"\x1b[31m").err().into_iter().collect(),
        since: BlockNumber(95),
        weights: None,
        holds: false,
    });
    server.store.create_cycle(cycle).await.unwrap();

    let (status, newest) = server.get("/v1/submissions").await;
    assert_eq!(status, 200);
    assert_eq!(newest["cycle"]["id"], 1);
    let [admitted, refused] = newest["submissions"].as_array().unwrap().as_slice() else { panic!("{newest}") };
    assert_eq!((&admitted["verdict"], &admitted["reasons"]), (&json!("admitted"), &json!([])));
    assert_eq!((&admitted["claim"]["repo"], &admitted["since"]), (&json!("miner1/policy"), &json!(91)));
    assert_eq!(admitted["weights"], json!(weights.to_string()));
    assert_eq!((&refused["uid"], &refused["claim"], &refused["weights"]), (&json!(9), &json!(null), &json!(null)));
    assert_eq!(refused["reasons"][0]["code"], "commitment_not_json");
    assert_eq!(refused["reasons"][0]["evidence"], "\\u{1b}[31m");
    assert!(refused["reasons"][0]["sentence"].as_str().unwrap().contains("JSON object"));

    assert_eq!(server.get("/v1/submissions?cycle_id=1").await, (200, newest));
    assert_eq!(server.get("/v1/submissions?cycle_id=2").await.0, 404);
    assert_eq!(server.get("/v1/submissions?cycle_id=x").await.0, 422);
}
