//! Episodes, their transcripts and proofs.

use kinitro::domain::*;
use kinitro::store::Publication;
use kinitro::transcript::{EpisodeRow, InclusionProof, Transcript, canonical_json, episodes_tree};
use serde_json::json;

use crate::server::{Server, result, transcript};
use crate::support;

/// A server with one finished, sealed cycle and its transcripts.
async fn finished() -> (Server, Vec<Transcript>) {
    let server = Server::with_cycle(2, 2).await;
    let contest = support::cycle(1, 2, 2).contest;
    let mut transcripts = Vec::new();
    for task in server.lease(100).await {
        let recorded = transcript("a", &task, &contest, None);
        assert_eq!(server.put(&recorded).await.0, 201);
        let body = json!({"executor_id": "a", "results": [result(&task, &recorded)]});
        assert_eq!(server.post("/v1/tasks/submit", &body).await.1["accepted"], 1);
        transcripts.push(recorded);
    }
    assert!(server.store.seal_cycle(CycleId(1)).await.unwrap());
    (server, transcripts)
}

/// Publishes a manifest that holds the parts a proof needs.
async fn publish(server: &Server, transcripts: &[Transcript]) -> Digest {
    let mut rows: Vec<EpisodeRow> = transcripts.iter().map(|one| EpisodeRow::of(one).unwrap()).collect();
    rows.sort_by(|a, b| a.key().cmp(&b.key()));
    let root = episodes_tree(&rows).root();
    let manifest = json!({"manifest": {"episodes": rows, "episodes_root": root}, "digest": Digest::of(b"signed")});
    let manifest = serde_json::to_vec(&manifest).unwrap();
    let publication = Publication { digest: Digest::of(b"signed"), manifest, ..support::publication(1, Digest::ZERO) };
    server.store.publish_cycle(publication).await.unwrap();
    root
}

#[tokio::test]
async fn an_episode_is_secret_until_its_cycle_is_published() {
    let (server, transcripts) = finished().await;
    let one = &transcripts[0];
    for part in ["", "/transcript", "/proof"] {
        let (status, body) = server.get(&format!("/v1/episodes/{}{part}", one.id())).await;
        assert_eq!((status, body["code"].as_str()), (404, Some("not_published")), "{part}");
    }
    // A slow miner could repeat what succeeded for a quick one.
    assert_eq!(server.get("/v1/episodes").await.1["episodes"], json!([]));
    let seed = one.header.seed.to_hex();
    for path in ["/v1/episodes", "/v1/cycles/1", "/v1/status", "/v1/tasks/stats", "/metrics"] {
        let text = server.http.get(server.at(path)).send().await.unwrap().text().await.unwrap();
        assert!(!text.contains(&seed), "{path}");
    }

    publish(&server, &transcripts).await;
    let (_, row) = server.get(&format!("/v1/episodes/{}", one.id())).await;
    assert_eq!(row["published"], true);
    let path = server.at(&format!("/v1/episodes/{}/transcript", one.id()));
    let response = server.http.get(path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(response.headers()["etag"], format!("\"{}\"", one.id()));
    assert_eq!(&Transcript::from_bytes(&response.bytes().await.unwrap()).unwrap(), one);
}

#[tokio::test]
async fn a_proof_shows_that_a_row_stands_in_the_manifest() {
    let (server, transcripts) = finished().await;
    let root = publish(&server, &transcripts).await;
    for one in &transcripts {
        let (status, proof) = server.get(&format!("/v1/episodes/{}/proof", one.id())).await;
        assert_eq!((status, &proof["episodes_root"]), (200, &json!(root)));
        assert_eq!(proof["manifest_digest"], Digest::of(b"signed").to_string());
        let row: EpisodeRow = serde_json::from_value(proof["row"].clone()).unwrap();
        assert_eq!(row.transcript_id, Some(one.id()));
        let inclusion: InclusionProof =
            serde_json::from_value(json!({"index": proof["index"], "size": proof["size"], "path": proof["path"]}))
                .unwrap();
        assert!(inclusion.holds(&canonical_json(&row), &root));
    }
}

#[tokio::test]
async fn episodes_are_filtered_and_listed_in_parts() {
    let (server, transcripts) = finished().await;
    publish(&server, &transcripts).await;
    let (_, all) = server.get("/v1/episodes").await;
    assert_eq!(all["episodes"].as_array().unwrap().len(), transcripts.len());
    let (_, some) =
        server.get("/v1/episodes?cycle_id=1&uid=2&env_id=metaworld%2Fpush-v3&outcome=success&limit=1").await;
    let row = &some["episodes"][0];
    assert_eq!(
        (&row["uid"], &row["env_id"], &row["outcome"]),
        (&json!(2), &json!("metaworld/push-v3"), &json!("success"))
    );
    assert_eq!((&row["steps"], &row["success_step"], &row["total_reward"]), (&json!(2), &json!(2), &json!(0.1 + 1.1)));
    let cursor = some["next_cursor"].as_str().unwrap();
    let (_, rest) = server.get(&format!("/v1/episodes?uid=2&env_id=metaworld/push-v3&cursor={cursor}")).await;
    assert_eq!((rest["episodes"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &json!(null)));
    assert_eq!(server.get("/v1/episodes?outcome=faulted").await.1["episodes"], json!([]));
    assert_eq!(server.get("/v1/episodes?outcome=lost").await.0, 422);
}

#[tokio::test]
async fn unknown_digests_are_404_and_malformed_ones_422() {
    let (server, _) = finished().await;
    let unknown = Digest::of(b"unknown");
    for part in ["", "/transcript", "/proof"] {
        assert_eq!(server.get(&format!("/v1/episodes/{unknown}{part}")).await.0, 404, "{part}");
        assert_eq!(server.get(&format!("/v1/episodes/12{part}")).await.0, 422, "{part}");
    }
}
