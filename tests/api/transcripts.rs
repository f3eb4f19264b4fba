//! Uploading transcripts.

use kinitro::domain::*;
use kinitro::store::LeasedTask;

use crate::server::{KEY, Server, transcript};
use crate::support;

fn contest() -> Contest {
    support::cycle(1, 1, 1).contest
}

async fn server_and_task() -> (Server, LeasedTask) {
    let server = Server::with_cycle(1, 1).await;
    let task = server.lease(1).await.pop().unwrap();
    (server, task)
}

#[tokio::test]
async fn an_upload_is_kept_and_may_be_repeated() {
    let (server, task) = server_and_task().await;
    let transcript = transcript("a", &task, &contest(), None);
    assert_eq!(server.put(&transcript).await.0, 201);
    assert_eq!(server.put(&transcript).await.0, 201);
    assert_eq!(server.blobs.get(&transcript.id()).unwrap().unwrap(), transcript.to_bytes().unwrap());
}

#[tokio::test]
async fn a_flipped_byte_is_refused_and_not_kept() {
    let (server, task) = server_and_task().await;
    let transcript = transcript("a", &task, &contest(), None);
    let mut body = transcript.body().to_vec();
    let middle = body.len() / 2;
    body[middle] ^= 1;
    let file = zstd::bulk::compress(&body, 3).unwrap();
    let path = format!("/v1/transcripts/{}", transcript.id());
    let request = server.http.put(server.at(&path)).bearer_auth(KEY).body(file);
    let (status, answer) = server.answer(request).await;
    assert_eq!((status, answer["code"].as_str()), (422, Some("invalid")), "{answer}");
    assert_eq!(server.blobs.list().unwrap(), []);
}

#[tokio::test]
async fn a_transcript_under_another_digest_is_refused() {
    let (server, task) = server_and_task().await;
    let file = transcript("a", &task, &contest(), None).to_bytes().unwrap();
    let path = format!("/v1/transcripts/{}", Digest::of(b"other"));
    let request = server.http.put(server.at(&path)).bearer_auth(KEY).body(file);
    let (status, answer) = server.answer(request).await;
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("its digest is"), "{answer}");
}

#[tokio::test]
async fn a_transcript_that_belongs_to_no_task_is_refused() {
    let (server, task) = server_and_task().await;
    let refused = |change: fn(&mut LeasedTask), contest: Contest, word: &'static str| {
        let mut other = task.clone();
        change(&mut other);
        let transcript = transcript("a", &other, &contest, None);
        let server = &server;
        async move {
            let (status, answer) = server.put(&transcript).await;
            assert_eq!(status, 422, "{word}");
            assert!(answer["detail"].as_str().unwrap().contains(word), "{word}: {answer}");
        }
    };
    refused(|task| task.index = 99, contest(), "does not exist here").await;
    refused(|task| task.miner.hotkey = Hotkey([77; 32]), contest(), "does not exist here").await;
    refused(|task| task.seed = EpisodeSeed([1; 32]), contest(), "its seed").await;
    refused(|task| task.miner.uid = Uid(200), contest(), "its miner").await;
    refused(|task| task.anchor.hash = BlockHash([1; 32]), contest(), "its anchor").await;
    refused(|_| (), Contest { max_steps: 400, ..contest() }, "its contest").await;
}

#[tokio::test]
async fn a_transcript_of_another_executor_is_refused() {
    let (server, task) = server_and_task().await;
    let (status, answer) = server.put(&transcript("b", &task, &contest(), None)).await;
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("recorded by b"), "{answer}");
}

#[tokio::test]
async fn nonsense_and_giants_are_refused() {
    let (server, _) = server_and_task().await;
    let path = format!("/v1/transcripts/{}", Digest::of(b"x"));
    let put = |body: Vec<u8>| server.answer(server.http.put(server.at(&path)).bearer_auth(KEY).body(body));
    assert_eq!(put(b"not zstd".to_vec()).await.0, 422);
    assert_eq!(put(vec![]).await.0, 422);
    let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 3).unwrap();
    assert_eq!(put(bomb).await.0, 422);
    let (status, answer) = put(vec![0; (16 << 20) + 1]).await;
    assert_eq!((status, answer["code"].as_str()), (413, Some("too_large")));
    let short = server.http.put(server.at("/v1/transcripts/12")).bearer_auth(KEY).body("x");
    assert_eq!(server.answer(short).await.0, 422);
}

#[tokio::test]
async fn a_result_finds_its_transcript_after_a_restart() {
    let (server, task) = server_and_task().await;
    let recorded = transcript("a", &task, &contest(), None);
    // Written by an API process that is gone: this one has never seen the upload.
    server.blobs.put(&recorded.id(), &recorded.to_bytes().unwrap()).unwrap();
    let result = crate::server::result(&task, &recorded);
    let body = serde_json::json!({"executor_id": "a", "results": [result]});
    assert_eq!(server.post("/v1/tasks/submit", &body).await.1["accepted"], 1);
}
