//! Nothing in a call tells an evaluation from a probe or an audit.

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
