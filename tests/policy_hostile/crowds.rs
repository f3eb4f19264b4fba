//! Many endpoints on one host, and servers that only waste time.

use std::sync::atomic::Ordering::SeqCst;

use kinitro::policy::{ClientOptions, PolicyClient};

use crate::server::*;

fn client_with(episodes_per_host: usize, episodes_per_miner: usize) -> PolicyClient {
    let options = ClientOptions { episodes_per_host, episodes_per_miner, ..ClientOptions::default() };
    PolicyClient::new(&local_rules(), options).unwrap()
}

#[tokio::test]
async fn many_miners_on_one_tarpit_take_its_slots_and_no_others() {
    let tarpit = Server::start(|_| Script::Stall(Vec::new())).await;
    let honest = Server::start(well_behaved).await;
    let client = client_with(2, 2);
    let stuck: Vec<_> = (10..30)
        .map(|miner| {
            let (client, endpoint) = (client.clone(), tarpit.endpoint());
            tokio::spawn(async move { client.begin(&endpoint, &short_limits(), &ticket(miner)).await.err() })
        })
        .collect();
    for miner in 1..6 {
        let mut session = client.begin(&honest.endpoint(), &short_limits(), &ticket(miner)).await.unwrap();
        assert!(session.act(0, &observation()).await.unwrap().answer.is_ok());
    }
    assert!(stuck.iter().any(|task| !task.is_finished()), "the tarpit still holds its own");
    assert!(tarpit.seen.most_open.load(SeqCst) <= 2);
    stuck.iter().for_each(|task| task.abort());
}

#[tokio::test]
async fn one_miner_has_its_own_slots_however_many_servers_it_names() {
    let servers = [Server::start(well_behaved).await, Server::start(well_behaved).await];
    let client = client_with(10, 1);
    let first = client.begin(&servers[0].endpoint(), &short_limits(), &ticket(1)).await.unwrap();
    let waiting = {
        let (client, endpoint) = (client.clone(), servers[1].endpoint());
        tokio::spawn(async move { client.begin(&endpoint, &short_limits(), &ticket(1)).await.is_ok() })
    };
    client.begin(&servers[1].endpoint(), &short_limits(), &ticket(2)).await.unwrap();
    assert!(!waiting.is_finished());
    drop(first);
    assert!(tokio::time::timeout(HANGS, waiting).await.unwrap().unwrap());
}

#[tokio::test]
async fn an_episode_uses_one_connection_from_health_to_its_last_step() {
    let server = Server::start(well_behaved).await;
    let mut session = begin(&server).await.unwrap();
    for step in 0..100 {
        assert!(session.act(step, &observation()).await.unwrap().answer.is_ok());
    }
    assert_eq!(server.seen.connections.load(SeqCst), 1);
    drop(session);
    let closed = async {
        while server.seen.open.load(SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(HANGS, closed).await.expect("an ended episode leaves its connection open");
}
