//! Addresses that are no policy's: by redirect, by name, by literal.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use kinitro::domain::{DeploymentRules, Fault, FaultReason, MissReason};
use kinitro::policy::guard::Lookup;
use kinitro::policy::{ClientOptions, Endpoint, PolicyClient, PolicySession};

use crate::server::*;

/// A name server that gives one scripted answer after the other, the last one for ever.
struct Scripted {
    answers: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Scripted> {
        let parse = |addresses: &&[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Scripted { answers: Mutex::new(answers.iter().map(parse).collect()), asked: AtomicUsize::new(0) })
    }
}

impl Lookup for Scripted {
    fn lookup(&self, _name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        self.asked.fetch_add(1, SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
        Box::pin(async move { Ok(answer) })
    }
}

async fn begin_at(deployment: &str, rules: &DeploymentRules, lookup: Arc<Scripted>) -> Result<PolicySession, Fault> {
    let client = PolicyClient::new(rules, ClientOptions { lookup, ..ClientOptions::default() }).unwrap();
    let endpoint = Endpoint::parse(deployment, rules).unwrap();
    client.begin(&endpoint, &short_limits(), &ticket(1)).await
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let victim = Server::start(well_behaved).await;
    for target in [victim.url() + "/act", "http://169.254.169.254/latest/meta-data".into(), "http://[::1]:1/".into()] {
        for status in ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let moved = format!("HTTP/1.1 {status}\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
            let (reply, _server) = one_step(move |_| Script::Raw(moved.clone().into_bytes())).await;
            assert_eq!(reply.answer, Err(MissReason::HttpStatus), "{status} {target}");
        }
    }
    assert_eq!(victim.seen.connections.load(SeqCst), 0);
}

#[tokio::test]
async fn a_redirected_reset_is_the_miners_fault() {
    let victim = Server::start(well_behaved).await;
    let moved = format!("HTTP/1.1 307 Moved\r\nLocation: {}/reset\r\nContent-Length: 0\r\n\r\n", victim.url());
    let server = Server::start(move |_| Script::Raw(moved.clone().into_bytes())).await;
    assert_eq!(begin(&server).await.err().unwrap().reason, FaultReason::ResetFailed);
    assert_eq!(victim.seen.connections.load(SeqCst), 0);
}

#[tokio::test]
async fn a_platform_name_that_leads_into_a_private_network_is_refused() {
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
    ] {
        let fault = begin_at("alice-policy", &DeploymentRules::default(), Scripted::new(&[&[address]])).await;
        assert_eq!(fault.err().unwrap().reason, FaultReason::EndpointRefused, "{address}");
    }
}

#[tokio::test]
async fn a_private_address_behind_a_public_one_is_refused_too() {
    let mixed = Scripted::new(&[&["1.1.1.1", "127.0.0.1"]]);
    let fault = begin_at("alice-policy", &DeploymentRules::default(), mixed).await;
    assert_eq!(fault.err().unwrap().reason, FaultReason::EndpointRefused);
}

#[tokio::test]
async fn a_metadata_service_is_refused_on_a_local_network_too() {
    for address in ["169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254"] {
        let fault = begin_at("http://miner.test:8001", &local_rules(), Scripted::new(&[&[address]])).await;
        assert_eq!(fault.err().unwrap().reason, FaultReason::EndpointRefused, "{address}");
    }
}

#[tokio::test]
async fn a_refused_name_is_not_asked_a_second_time() {
    let rebinding = Scripted::new(&[&["10.0.0.1"], &["1.1.1.1"]]);
    let fault = begin_at("alice-policy", &DeploymentRules::default(), rebinding.clone()).await;
    assert_eq!(fault.err().unwrap().reason, FaultReason::EndpointRefused);
    assert_eq!(rebinding.asked.load(SeqCst), 1);
}

/// A name server that fails with an error number of the system.
struct Failing(i32);

impl Lookup for Failing {
    fn lookup(&self, _name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let error = io::Error::from_raw_os_error(self.0);
        Box::pin(async move { Err(error) })
    }
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_the_miners_fault_and_a_full_machine_is_ours() {
    const EMFILE: i32 = 24;
    const EHOSTUNREACH: i32 = 113;
    for (number, reason) in [(EMFILE, FaultReason::PlatformOutage), (EHOSTUNREACH, FaultReason::Unreachable)] {
        let options = ClientOptions { lookup: Arc::new(Failing(number)), ..ClientOptions::default() };
        let client = PolicyClient::new(&local_rules(), options).unwrap();
        let endpoint = Endpoint::parse("http://miner.test:8001", &local_rules()).unwrap();
        let fault = client.begin(&endpoint, &short_limits(), &ticket(1)).await.err().unwrap();
        assert_eq!(fault.reason, reason);
    }
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_not_spoken_to_in_the_clear() {
    let server = Server::start(well_behaved).await;
    let endpoint = Endpoint::parse(&format!("https://{}", server.address), &local_rules()).unwrap();
    let fault = client().begin(&endpoint, &short_limits(), &ticket(1)).await.err().unwrap();
    assert!(matches!(fault.reason, FaultReason::Unreachable | FaultReason::ResetTimeout), "{fault}");
    assert!(server.seen.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_connected_to() {
    let server = Server::start(well_behaved).await;
    let rebinding = Scripted::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let url = format!("http://miner.test:{}", server.address.port());
    let mut session = begin_at(&url, &local_rules(), rebinding.clone()).await.unwrap();
    for step in 0..20 {
        assert!(session.act(step, &observation()).await.unwrap().answer.is_ok());
    }
    assert_eq!(rebinding.asked.load(SeqCst), 1, "one connection, one lookup, nothing in between");
}

#[tokio::test]
async fn a_name_that_is_bound_anew_between_connections_is_checked_anew() {
    let server = Server::acting(|_| Script::Raw(answer("application/json", br#"{"action":[0,0,0,0]}"#))).await;
    let rebinding = Scripted::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    let url = format!("http://miner.test:{}", server.address.port());
    let mut session = begin_at(&url, &local_rules(), rebinding).await.unwrap();
    // The server closes behind each answer; the step that notices may be lost, the next connects anew.
    let fault = tokio::time::timeout(HANGS, async {
        loop {
            if let Err(fault) = session.act(0, &observation()).await {
                break fault;
            }
        }
    });
    assert_eq!(fault.await.unwrap().reason, FaultReason::EndpointRefused);
}

#[test]
fn literal_addresses_are_refused_in_every_spelling() {
    let rules = DeploymentRules { hosts: vec!["*.chutes.ai".into(), "127.0.0.1".into()], ..DeploymentRules::default() };
    for url in [
        "https://127.0.0.1",
        "https://127.1",
        "https://2130706433",
        "https://0x7f000001",
        "https://017700000001",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://[::ffff:7f00:1]",
        "https://169.254.169.254",
        "https://[fe80::1]",
        "https://8.8.8.8",
    ] {
        assert!(Endpoint::parse(url, &rules).is_err(), "{url}");
    }
}

#[test]
fn an_endpoint_outside_the_contests_platform_is_refused() {
    let rules = DeploymentRules::default();
    for deployment in
        ["https://evil.example", "https://a.chutes.ai.evil.example", "http://a.chutes.ai", "a.evil.example"]
    {
        assert!(Endpoint::parse(deployment, &rules).is_err(), "{deployment}");
    }
}
