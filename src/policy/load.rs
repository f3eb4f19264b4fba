//! What a step costs on our side, with many policies that take their time.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use warp::Filter;
use warp::reply::{Reply, Response};

use super::mock_miner::{Routes, accept_connections};
use super::wire::{EPISODE_HEADER, STEP_HEADER, WireEncoding, encode_action};
use super::{ClientOptions, Endpoint, EpisodeTicket, PolicyClient, PolicyError};
use crate::domain::{DeploymentRules, EnvId, Fault, Hotkey, Limits, PolicyObservation, PolicySeed};

/// A policy server on loopback that answers each step after the same time, and remembers how long it held each call. It
/// computes nothing, so what a call costs beyond that time is the cost of calling.
pub struct DelayedPolicy {
    endpoint: Endpoint,
    held: Arc<Held>,
    _stop: DropGuard,
}

/// Microseconds by episode and step.
#[derive(Default)]
struct Held(Mutex<BTreeMap<String, Vec<u32>>>);

impl DelayedPolicy {
    /// Starts a server that answers `/act` after `delay`; it runs until this value is dropped.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start(delay: Duration) -> std::io::Result<DelayedPolicy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let endpoint = Endpoint::own(listener.local_addr()?);
        let held = Arc::new(Held::default());
        let shutdown = CancellationToken::new();
        tokio::spawn(accept_connections(listener, routes(delay, held.clone()), shutdown.clone()));
        Ok(DelayedPolicy { endpoint, held, _stop: shutdown.drop_guard() })
    }

    /// Where it is called.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    /// How long the answer to `step` of `episode` was held back, in microseconds: the delay and what the clock of the
    /// runtime adds to it.
    pub fn held_us(&self, episode: &str, step: u32) -> Option<u32> {
        let held = self.held.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(episode)?.get(step as usize).copied()
    }
}

impl Held {
    fn note(&self, episode: String, step: u32, held: Duration) {
        let held_us = u32::try_from(held.as_micros()).unwrap_or(u32::MAX);
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = table.entry(episode).or_default();
        steps.resize(steps.len().max(step as usize + 1), 0);
        steps[step as usize] = held_us;
    }
}

fn routes(delay: Duration, held: Arc<Held>) -> Routes {
    let health = warp::path!("health")
        .map(|| json(br#"{"status":"healthy","model_loaded":true,"uptime_seconds":1.0}"#.to_vec()));
    let reset = warp::path!("reset").and(warp::body::bytes()).map(|_| json(br#"{"status":"ok"}"#.to_vec()));
    let labels = warp::header::<String>(EPISODE_HEADER).and(warp::header::<u32>(STEP_HEADER));
    let act = warp::path!("act").and(labels).and(warp::body::bytes()).then(move |episode, step, _| {
        let (held, came) = (held.clone(), Instant::now());
        async move {
            tokio::time::sleep(delay).await;
            let answer = json(encode_action(WireEncoding::Json, [0.0; 4]));
            held.note(episode, step, came.elapsed());
            answer
        }
    });
    health.or(reset).unify().or(act).unify().boxed()
}

fn json(body: Vec<u8>) -> Response {
    warp::reply::with_header(body, "content-type", WireEncoding::Json.media_type()).into_response()
}

/// What is measured.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// Episodes at the same time.
    pub episodes: usize,
    /// Steps of each.
    pub steps: u32,
    /// Time after which the policies answer.
    pub delay: Duration,
}

/// What calling cost, beyond the time that the policies took.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadReport {
    /// Steps that were answered.
    pub answered: usize,
    /// Steps that were missed; each is a failure of ours here.
    pub missed: usize,
    /// Overhead per step in microseconds: median.
    pub overhead_p50_us: u32,
    /// The same at the 99th percentile.
    pub overhead_p99_us: u32,
    /// The same at worst.
    pub overhead_max_us: u32,
    /// Time to begin all episodes, in milliseconds.
    pub begin_ms: u32,
}

/// Runs `options.episodes` episodes at once, without physics, against a [`DelayedPolicy`]. The server's own share of each
/// call, and the system's, are counted as ours.
///
/// # Errors
/// [`PolicyError`] when client or server cannot be set up, or an episode cannot be begun.
pub async fn measure(options: &LoadOptions) -> Result<LoadReport, PolicyError> {
    let broken = |error: &dyn std::fmt::Display| PolicyError::Options(format!("the load test broke off: {error}"));
    let policy = Arc::new(DelayedPolicy::start(options.delay).await.map_err(|error| broken(&error))?);
    let rules = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
    let client_options = ClientOptions {
        episodes_per_host: options.episodes,
        episodes_per_miner: options.episodes,
        ..ClientOptions::default()
    };
    let client = PolicyClient::new(&rules, client_options)?;
    let started = Instant::now();
    let begun = join_all((0..options.episodes).map(|number| {
        let (client, endpoint) = (client.clone(), policy.endpoint());
        async move { client.begin(&endpoint, &patient(), &ticket(number)).await }
    }));
    let sessions: Result<Vec<_>, Fault> = begun.await.into_iter().collect();
    let sessions = sessions.map_err(|fault| broken(&fault))?;
    let begin_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
    let tasks = sessions.into_iter().enumerate().map(|(number, mut session)| {
        let (policy, steps, episodes) = (policy.clone(), options.steps, options.episodes as u32);
        let stagger = options.delay * number as u32 / episodes;
        tokio::spawn(async move {
            // Real episodes are not in step with each other.
            tokio::time::sleep(stagger).await;
            let observation = PolicyObservation { hand_m: [0.1, 0.6, 0.2], gripper: 1.0, images: Vec::new() };
            let mut overheads = Vec::with_capacity(steps as usize);
            for step in 0..steps {
                let asked = Instant::now();
                let answered = session.act(step, &observation).await.is_ok_and(|reply| reply.answer.is_ok());
                let took_us = u32::try_from(asked.elapsed().as_micros()).unwrap_or(u32::MAX);
                let held_us = policy.held_us(&ticket(number).episode, step).unwrap_or(0);
                overheads.push(answered.then(|| took_us.saturating_sub(held_us)));
            }
            overheads
        })
    });
    let overheads: Vec<Option<u32>> = join_all(tasks).await.into_iter().flatten().flatten().collect();
    Ok(report(&overheads, begin_ms))
}

fn report(overheads: &[Option<u32>], begin_ms: u32) -> LoadReport {
    let mut answered: Vec<u32> = overheads.iter().copied().flatten().collect();
    answered.sort_unstable();
    // The smallest value that the given share of all does not exceed.
    let percentile = |share: usize| answered.get((answered.len() * share).div_ceil(100).saturating_sub(1)).copied();
    LoadReport {
        answered: answered.len(),
        missed: overheads.len() - answered.len(),
        overhead_p50_us: percentile(50).unwrap_or(0),
        overhead_p99_us: percentile(99).unwrap_or(0),
        overhead_max_us: percentile(100).unwrap_or(0),
        begin_ms,
    }
}

/// The default limits, but no episode ends early.
fn patient() -> Limits {
    Limits { episode_timeout_ms: u32::MAX, reset_timeout_ms: 60_000, ..Limits::default() }
}

fn ticket(number: usize) -> EpisodeTicket {
    let env_id: EnvId = "metaworld/reach-v3".parse().expect("the name is well-formed");
    let episode = format!("load-{number}");
    EpisodeTicket { episode, miner: Hotkey([0; 32]), env_id, policy_seed: PolicySeed(0), task_id: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_step_of_every_episode_is_counted() {
        let options = LoadOptions { episodes: 8, steps: 5, delay: Duration::from_millis(10) };
        let report = measure(&options).await.unwrap();
        assert_eq!((report.answered, report.missed), (40, 0));
        assert!(report.overhead_p50_us <= report.overhead_p99_us && report.overhead_p99_us <= report.overhead_max_us);
        assert!(report.overhead_max_us < 5_000_000);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let overheads: Vec<Option<u32>> = (1..=200).map(Some).chain([None]).collect();
        let report = report(&overheads, 3);
        assert_eq!((report.overhead_p50_us, report.overhead_p99_us, report.overhead_max_us), (100, 198, 200));
        assert_eq!((report.answered, report.missed), (200, 1));
    }
}
