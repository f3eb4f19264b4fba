//! Nothing in a call tells an evaluation from a probe or an audit.

use kinitro::domain::{Frame, Image, PolicyObservation};
use kinitro::policy::Endpoint;

use crate::server::*;

/// All bytes that a server gets in a short episode, with its own address left out.
async fn bytes_of_episode(endpoint_of: impl Fn(&Server) -> Endpoint) -> Vec<String> {
    let server = Server::start(well_behaved).await;
    let mut session = client().begin(&endpoint_of(&server), &short_limits(), &ticket(1)).await.unwrap();
    for step in 0..2 {
        session.act(step, &observation()).await.unwrap();
    }
    let calls = server.seen.calls.lock().unwrap();
    let show = |call: &Call| call.head.clone() + std::str::from_utf8(&call.body).unwrap();
    calls.iter().map(|call| show(call).replace(&server.address.to_string(), "HOST")).collect()
}

#[tokio::test]
async fn a_probe_of_our_own_server_sends_the_bytes_of_an_evaluation() {
    let evaluation = bytes_of_episode(Server::endpoint).await;
    let probe = bytes_of_episode(|server| Endpoint::own(server.address)).await;
    assert_eq!(evaluation, probe);
}

#[tokio::test]
async fn the_calls_of_an_episode_are_these_bytes() {
    let calls = bytes_of_episode(Server::endpoint).await;
    let expected = [
        "GET /health HTTP/1.1\r\naccept: application/json\r\nx-kinitro-episode: 0123456789abcdef\r\nhost: HOST\r\n\r\n",
        "POST /reset HTTP/1.1\r\ncontent-type: application/json\r\nx-kinitro-episode: 0123456789abcdef\r\naccept: */*\r\n\
         host: HOST\r\ncontent-length: 126\r\n\r\n\
         {\"task_config\":{\"env_id\":\"metaworld/pick-place-v3\",\"env_name\":\"pick-place\",\
         \"task_name\":\"pick-place-v3\",\"seed\":42,\"task_id\":7}}",
        "POST /act HTTP/1.1\r\nx-kinitro-episode: 0123456789abcdef\r\ncontent-type: application/json\r\n\
         accept: application/json\r\nx-kinitro-step: 0\r\nhost: HOST\r\ncontent-length: 47\r\n\r\n\
         {\"observation\":[0.0,0.6,0.2,1.0],\"images\":null}",
        "POST /act HTTP/1.1\r\nx-kinitro-episode: 0123456789abcdef\r\ncontent-type: application/json\r\n\
         accept: application/json\r\nx-kinitro-step: 1\r\nhost: HOST\r\ncontent-length: 47\r\n\r\n\
         {\"observation\":[0.0,0.6,0.2,1.0],\"images\":null}",
    ];
    for (call, expected) in calls.iter().zip(expected) {
        let lines = |text: &str| {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
            lines[1..].sort();
            (lines, body.to_owned())
        };
        assert_eq!(lines(call), lines(expected));
    }
    assert_eq!(calls.len(), expected.len());
}

#[tokio::test]
async fn pictures_are_sent_as_nested_lists_to_a_server_that_offers_no_msgpack() {
    let server = Server::start(well_behaved).await;
    let frame = Frame::new(2, 1, [0, 10, 255, 1, 2, 3]).unwrap();
    let images = vec![Image { camera: "corner".parse().unwrap(), frame }];
    let mut session = begin(&server).await.unwrap();
    assert!(session.act(0, &PolicyObservation { images, ..observation() }).await.unwrap().answer.is_ok());
    let body = server.seen.calls.lock().unwrap().last().unwrap().body.clone();
    assert_eq!(
        String::from_utf8(body).unwrap(),
        "{\"observation\":[0.0,0.6,0.2,1.0],\"images\":{\"corner\":[[[0,10,255],[1,2,3]]]}}"
    );
}
