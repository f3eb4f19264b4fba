//! Fetching, keeping and handing in work.

use kinitro::domain::*;
use kinitro::policy::Secret;
use kinitro::service::task_client::HttpTaskClient;
use kinitro::service::tasks::{FetchRequest, TaskQueue, TaskResult};
use kinitro::store::{Heartbeat, Rejection, SubmitAnswer};
use serde_json::{Value, json};

use crate::server::{Server, result, transcript};
use crate::support::{self, LEASE_MS, executor, fingerprint};

#[tokio::test]
async fn a_fetched_task_names_all_that_an_executor_needs() {
    let server = Server::with_cycle(1, 1).await;
    let body = json!({"executor_id": "a", "batch_size": 1, "env_ids": null});
    let (status, answer) = server.post("/v1/tasks/fetch", &body).await;
    assert_eq!((status, &answer["total_pending"]), (200, &json!(1)));
    let task = &answer["tasks"][0];
    let contest = support::cycle(1, 1, 1).contest;
    assert_eq!(task["miner_uid"], 1);
    assert_eq!(task["miner_hotkey"], support::hotkey(1).ss58());
    assert_eq!(task["miner_endpoint"], "http://127.0.0.1:9001");
    assert_eq!(task["miner_repo"], "miner1/policy");
    assert_eq!(task["env_id"], "metaworld/reach-v3");
    assert_eq!(task["seed"].as_str().unwrap().len(), 64);
    assert_eq!((&task["status"], &task["attempt"]), (&json!("assigned"), &json!(1)));
    assert_eq!(task["engine_fingerprint"], fingerprint().digest().to_string());
    assert_eq!(task["contest"], contest.digest().to_string());
    assert_eq!(answer["contests"][contest.digest().to_string()]["max_steps"], 500);
}

#[tokio::test]
async fn an_executor_with_another_engine_gets_nothing() {
    let server = Server::with_cycle(1, 1).await;
    let body = json!({"executor_id": "a", "engine_fingerprint": Digest::of(b"other")});
    let (status, answer) = server.post("/v1/tasks/fetch", &body).await;
    assert_eq!((status, &answer["tasks"], &answer["total_pending"]), (200, &json!([]), &json!(2)));
}

#[tokio::test]
async fn wrong_values_are_refused_with_their_field() {
    let server = Server::with_cycle(1, 1).await;
    let cases = [
        (json!({"executor_id": "a", "batch_size": 0}), "batch_size"),
        (json!({"executor_id": "a", "batch_size": 101}), "batch_size"),
        (json!({"executor_id": "a", "batch_size": -1}), "batch_size"),
        (json!({"executor_id": "a b"}), "executor_id"),
        (json!({"executor_id": "a", "env_ids": ["Reach"]}), "env_ids"),
        (json!({"executor_id": "a", "env_ids": ["metaworld/no-such-v3"]}), "env_ids"),
        (json!({"executor_id": "a", "engine_fingerprint": "12"}), "engine_fingerprint"),
        (json!({}), "executor_id"),
    ];
    for (body, field) in cases {
        let (status, answer) = server.post("/v1/tasks/fetch", &body).await;
        assert_eq!((status, answer["code"].as_str()), (422, Some("invalid")), "{body}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(field), "{answer}");
    }
}

#[tokio::test]
async fn a_result_is_accepted_once_and_answered_the_same_way_again() {
    let server = Server::with_cycle(1, 1).await;
    let task = server.lease(1).await.pop().unwrap();
    let transcript = transcript("a", &task, &support::cycle(1, 1, 1).contest, None);
    assert_eq!(server.put(&transcript).await.0, 201);
    let body = json!({"executor_id": "a", "results": [result(&task, &transcript)]});
    for word in ["accepted", "already_accepted"] {
        let (status, answer) = server.post("/v1/tasks/submit", &body).await;
        let expected = json!({"accepted": 1, "rejected": 0, "errors": [], "answers": [word]});
        assert_eq!((status, answer), (200, expected));
    }
    let row = server.store.episode(transcript.id()).await.unwrap().unwrap();
    assert_eq!(row.replay_root, Some(transcript.footer.replay_root));
    assert_eq!((row.success_step, row.steps), (Some(2), 2));
}

#[tokio::test]
async fn a_result_must_say_what_its_transcript_says() {
    let server = Server::with_cycle(1, 1).await;
    let task = server.lease(1).await.pop().unwrap();
    let transcript = transcript("a", &task, &support::cycle(1, 1, 1).contest, None);
    server.put(&transcript).await;
    let honest = result(&task, &transcript);
    let changed = |change: Value| {
        let mut result = honest.clone();
        result.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        result
    };
    let cases = [
        (changed(json!({"total_reward": 9.0})), "contradicts_transcript"),
        (changed(json!({"timesteps": 3})), "contradicts_transcript"),
        (changed(json!({"outcome": "failure", "success": false, "score": 0.0})), "contradicts_transcript"),
        (changed(json!({"success": false})), "malformed"),
        (changed(json!({"score": 0.5})), "malformed"),
        (changed(json!({"transcript": Digest::of(b"never uploaded")})), "unknown_transcript"),
        (changed(json!({"transcript": null})), "no_transcript"),
        (changed(json!({"attempt": 2})), "unknown_attempt"),
        (changed(json!({"task_uuid": TaskId([1; 16])})), "foreign_transcript"),
    ];
    let body = json!({"executor_id": "a", "results": cases.iter().map(|(result, _)| result).collect::<Vec<_>>()});
    let (status, answer) = server.post("/v1/tasks/submit", &body).await;
    let words: Vec<&str> = cases.iter().map(|(_, word)| *word).collect();
    assert_eq!((status, &answer["answers"]), (200, &json!(words)));
    assert_eq!(answer["errors"].as_array().unwrap().len(), cases.len());
    assert_eq!(server.store.task_stats(None).await.unwrap().progress.leased, 1);
}

#[tokio::test]
async fn a_fault_with_the_wrong_party_is_refused() {
    let server = Server::with_cycle(1, 1).await;
    let task = server.lease(1).await.pop().unwrap();
    let transcript = transcript("a", &task, &support::cycle(1, 1, 1).contest, None);
    let mut lie = result(&task, &transcript);
    lie["outcome"] = json!("faulted");
    lie["fault"] = json!({"party": "platform", "reason": "reset_timeout"});
    let (status, answer) = server.post("/v1/tasks/submit", &json!({"executor_id": "a", "results": [lie]})).await;
    assert_eq!(status, 422);
    assert!(answer["detail"].as_str().unwrap().contains("belongs to miner"), "{answer}");
}

#[tokio::test]
async fn a_heartbeat_names_what_is_lost() {
    let server = Server::with_cycle(1, 1).await;
    let tasks: Vec<_> = server.lease(2).await.iter().map(|task| task.id).collect();
    server.clock.advance(LEASE_MS);
    server.store.expire_leases().await.unwrap();
    let again = server.lease(1).await.pop().unwrap();
    let (status, answer) = server.post("/v1/tasks/heartbeat", &json!({"executor_id": "a", "task_uuids": tasks})).await;
    assert_eq!((status, answer), (200, json!({"renewed": [again.id], "lost": [tasks[1]]})));
}

#[tokio::test]
async fn stats_count_the_pool() {
    let server = Server::with_cycle(2, 2).await;
    server.lease(3).await;
    let (_, stats) = server.get("/v1/tasks/stats?cycle_id=1").await;
    assert_eq!((&stats["total_tasks"], &stats["assigned_tasks"]), (&json!(8), &json!(3)));
    assert_eq!((&stats["pending_tasks"], &stats["active_executors"]), (&json!(5), &json!(["a"])));
    assert_eq!(server.get("/v1/tasks/stats?cycle_id=9").await.0, 404);
    assert_eq!(server.get("/v1/tasks/stats?cycle_id=x").await.0, 422);
}

#[tokio::test]
async fn a_remote_executor_works_through_a_whole_cycle() {
    let server = Server::with_cycle(2, 2).await;
    let client = server.client();
    let mut done = 0;
    loop {
        let request = FetchRequest {
            executor: executor("a"),
            limit: 3,
            environments: None,
            fingerprint: Some(fingerprint().digest()),
        };
        let leased = client.fetch(request).await.unwrap();
        if leased.tasks.is_empty() {
            break;
        }
        let ids: Vec<_> = leased.tasks.iter().map(|task| task.id).collect();
        assert_eq!(client.heartbeat(executor("a"), ids.clone()).await.unwrap().renewed, ids);
        for task in &leased.tasks {
            let recorded = transcript("a", task, &leased.contests[&task.contest], None);
            let file = recorded.to_bytes().unwrap().into();
            client.upload_transcript(executor("a"), recorded.id(), file).await.unwrap();
            let result = TaskResult {
                task: task.id,
                attempt: task.attempt,
                outcome: recorded.footer.outcome,
                fault: None,
                steps: recorded.footer.steps,
                total_reward: recorded.footer.total_reward,
                transcript: Some(recorded.id()),
                note: None,
            };
            let unknown = TaskResult { attempt: Attempt(7), ..result.clone() };
            let answers = client.submit(executor("a"), vec![result, unknown]).await.unwrap();
            assert_eq!(answers, [SubmitAnswer::Accepted, SubmitAnswer::Rejected(Rejection::UnknownAttempt)]);
            done += 1;
        }
    }
    assert_eq!(done, 8);
    assert!(server.store.seal_cycle(CycleId(1)).await.unwrap());
}

#[tokio::test]
async fn a_remote_executor_asks_again_when_the_api_is_busy_or_gone() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = HttpTaskClient::new(&format!("http://{}", listener.local_addr().unwrap()), None).unwrap();
    let server = tokio::spawn(async move {
        let busy = "HTTP/1.1 503 Busy\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let many = "HTTP/1.1 429 Many\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let body = r#"{"renewed":[],"lost":[]}"#;
        let fine = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
        let mut asked = 0;
        for answer in [Some(busy), Some(many), None, Some(fine.as_str())] {
            let (mut stream, _) = listener.accept().await.unwrap();
            asked += 1;
            let Some(answer) = answer else { continue };
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    assert_eq!(client.heartbeat(executor("a"), vec![]).await.unwrap(), Heartbeat::default());
    assert_eq!(server.await.unwrap(), 4);
}

#[tokio::test]
async fn a_remote_executor_with_a_wrong_key_is_told_what_to_do() {
    let server = Server::with_cycle(1, 1).await;
    let client = HttpTaskClient::new(&server.url, Some(Secret::new("kinitro_wrong"))).unwrap();
    let error = client.heartbeat(executor("a"), vec![]).await.unwrap_err();
    assert!(error.to_string().contains("kinitro api-key create"), "{error}");
}

#[tokio::test]
async fn released_tasks_wait_again() {
    let server = Server::with_cycle(1, 1).await;
    let ids: Vec<_> = server.lease(2).await.iter().map(|task| task.id).collect();
    assert_eq!(server.client().release(executor("a"), ids).await.unwrap(), 2);
    assert_eq!(server.store.task_stats(None).await.unwrap().progress.pending, 2);
}
