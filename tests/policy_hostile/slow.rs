//! Servers that take their time.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use kinitro::domain::{Encoding, FaultReason, MissReason};

use crate::server::*;

const NOW_AND_THEN: Duration = Duration::from_millis(50);

#[tokio::test]
async fn one_byte_at_a_time_in_the_body_ends_at_the_deadline() {
    let (reply, _server) = one_step(|_| {
        let head = head("Content-Type: application/json\r\nContent-Length: 60000\r\n");
        Script::Trickle(head, b' ', NOW_AND_THEN)
    })
    .await;
    assert_eq!(reply.answer, Err(MissReason::Timeout));
    assert!(reply.bytes < 60);
}

#[tokio::test]
async fn one_byte_at_a_time_in_the_head_ends_at_the_deadline() {
    let (reply, _server) =
        one_step(|_| Script::Trickle(b"HTTP/1.1 200 OK\r\nX-Slow: ".to_vec(), b'a', NOW_AND_THEN)).await;
    assert_eq!(reply.answer, Err(MissReason::Timeout));
}

#[tokio::test]
async fn endless_interim_answers_end_at_the_deadline() {
    let interim = b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec();
    let (reply, _server) = one_step(move |_| Script::Endless(interim.clone(), interim.clone())).await;
    assert!(matches!(reply.answer, Err(MissReason::Timeout | MissReason::Disconnected)), "{reply:?}");
}

#[tokio::test]
async fn silence_ends_at_the_deadline_and_the_next_step_gets_a_fresh_connection() {
    let server = Server::acting(|call| match call.number {
        0 => Script::Stall(Vec::new()),
        _ => well_behaved(call),
    })
    .await;
    let mut session = begin(&server).await.unwrap();
    assert_eq!(session.act(0, &observation()).await.unwrap().answer, Err(MissReason::Timeout));
    assert_eq!(session.act(1, &observation()).await.unwrap().answer, Ok([0.5, 0.0, 0.0, 1.0]));
    assert_eq!(server.seen.connections.load(SeqCst), 2, "the late answer's connection is not used again");
}

#[tokio::test]
async fn a_reset_without_answer_is_tried_twice_and_is_the_miners_fault() {
    let server = Server::start(|call| match call.path.as_str() {
        "/reset" => Script::Stall(Vec::new()),
        _ => well_behaved(call),
    })
    .await;
    assert_eq!(begin(&server).await.err().unwrap().reason, FaultReason::ResetTimeout);
    assert_eq!(server.calls_of("/reset").len(), 2);
}

#[tokio::test]
async fn a_server_that_comes_back_during_the_pause_is_accepted() {
    let server = Server::start(|call| match (call.path.as_str(), call.number) {
        ("/reset", 0) => Script::Raw(Vec::new()),
        _ => well_behaved(call),
    })
    .await;
    assert!(begin(&server).await.is_ok());
}

#[tokio::test]
async fn health_that_is_missing_broken_or_silent_does_not_stop_an_old_server() {
    let not_found = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec();
    for script in [Script::Stall(Vec::new()), Script::Raw(not_found), Script::Raw(Vec::new()), Script::Json("[[")] {
        let script = std::sync::Mutex::new(Some(script));
        let server = Server::start(move |call| match call.path.as_str() {
            "/health" => script.lock().unwrap().take().expect("health is asked once"),
            _ => well_behaved(call),
        })
        .await;
        let mut session = begin(&server).await.unwrap();
        assert_eq!(session.encoding(), Encoding::Json);
        assert!(session.act(0, &observation()).await.unwrap().answer.is_ok());
    }
}

#[tokio::test]
async fn a_closed_port_is_the_miners_fault() {
    let server = Server::start(well_behaved).await;
    let endpoint = server.endpoint();
    drop(server);
    let fault = loop {
        // The listener closes as soon as its task notices.
        match client().begin(&endpoint, &short_limits(), &ticket(1)).await {
            Err(fault) => break fault,
            Ok(_) => tokio::task::yield_now().await,
        }
    };
    assert_eq!(fault.reason, FaultReason::Unreachable);
}

#[tokio::test]
async fn an_episode_ends_when_its_time_is_up_however_prompt_each_step_is() {
    let server = Server::start(well_behaved).await;
    let limits = kinitro::domain::Limits { episode_timeout_ms: 100, ..short_limits() };
    let mut session = client().begin(&server.endpoint(), &limits, &ticket(1)).await.unwrap();
    let fault = tokio::time::timeout(HANGS, async {
        loop {
            if let Err(fault) = session.act(0, &observation()).await {
                break fault;
            }
        }
    });
    assert_eq!(fault.await.unwrap().reason, FaultReason::EpisodeTimeout);
}
