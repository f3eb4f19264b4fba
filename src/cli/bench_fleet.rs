//! `kinitro bench fleet`: many episodes in flight against policies that take their time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::future::join_all;
use serde::Serialize;

use super::bench_memory;
use super::table::Table;
use crate::beacon::{DEFAULT_DEV_CHAIN, OperatorKey, dev_genesis};
use crate::domain::{BlockNumber, Contest, DeploymentRules, PolicyProfile};
use crate::episode::{EpisodeRules, Rollout, Turn};
use crate::policy::load::DelayedPolicy;
use crate::policy::{ClientOptions, PolicyClient};
use crate::service::executor::{Assignment, PhysicsPool};
use crate::service::trial::Trial;
use crate::sim::Simulator;

/// Episodes in flight.
const EPISODES: u32 = 256;
/// Steps of each.
const STEPS: u32 = 100;
/// How long each policy takes to answer.
const DELAY: Duration = Duration::from_millis(100);

/// What was measured.
#[derive(Debug, Serialize)]
pub struct FleetFigures {
    /// Episodes in flight.
    pub episodes: u32,
    /// Steps of each.
    pub steps: u32,
    /// Own overhead of a step: from one observation to the next, less the time that the policy took. Includes HTTP on
    /// both sides, physics, recording, and waiting for a thread.
    pub overhead_p50_ms: f64,
    /// The same, 99th percentile.
    pub overhead_p99_ms: f64,
    /// The same, longest.
    pub overhead_max_ms: f64,
    /// Resident memory of the whole process, policies included, at its highest, MiB.
    pub peak_memory_mib: f64,
    /// Steps that were missed; should be none.
    pub missed: u32,
}

struct Bench {
    simulator: Simulator,
    client: PolicyClient,
    pool: PhysicsPool,
    policy: DelayedPolicy,
    contest: Contest,
}

/// Runs the fleet.
///
/// # Errors
/// Missing assets, or when a policy of ours fails.
pub async fn measure() -> anyhow::Result<FleetFigures> {
    let deployment = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
    let environments = Contest::default().environments;
    let episodes_per_env = EPISODES / environments.len() as u32;
    let contest = Contest { max_steps: STEPS, episodes_per_env, deployment, cameras: Vec::new(), ..Contest::default() };
    let options = ClientOptions {
        episodes_per_host: EPISODES as usize,
        episodes_per_miner: EPISODES as usize,
        ..ClientOptions::default()
    };
    let trial = Trial {
        contest: contest.clone(),
        genesis: dev_genesis(DEFAULT_DEV_CHAIN),
        block: BlockNumber(1),
        hotkey: OperatorKey::dev("fleet").hotkey(),
    };
    let bench = Arc::new(Bench {
        simulator: super::simulator::open()?,
        client: PolicyClient::new(&contest.deployment, options)?,
        pool: PhysicsPool::start(0)?,
        policy: DelayedPolicy::start(DELAY).await?,
        contest,
    });
    for environment in &environments {
        // Compiles the models before anything is timed.
        drop(bench.simulator.episode_at(environment, crate::sim::task(environment).expect("a default").low)?);
    }
    let episodes = trial.assignments().into_iter().map(|assignment| {
        let bench = bench.clone();
        tokio::spawn(async move { bench.episode(assignment).await })
    });
    let (mut overheads, mut missed) = (Vec::new(), 0);
    for episode in join_all(episodes).await {
        let (own, lost) = episode??;
        overheads.extend(own);
        missed += lost;
    }
    overheads.sort_by(f64::total_cmp);
    let at = |share: f64| overheads[((overheads.len() - 1) as f64 * share) as usize];
    Ok(FleetFigures {
        episodes: EPISODES,
        steps: STEPS,
        overhead_p50_ms: at(0.5),
        overhead_p99_ms: at(0.99),
        overhead_max_ms: at(1.0),
        peak_memory_mib: bench_memory::status_kib("VmHWM")? / 1024.0,
        missed,
    })
}

impl Bench {
    /// Own milliseconds of each step, and how many steps were missed.
    async fn episode(&self, assignment: Assignment) -> anyhow::Result<(Vec<f64>, u32)> {
        let begun = self.client.begin(&self.policy.endpoint(), &self.contest.limits, &assignment.ticket).await;
        let mut session = begun.map_err(|fault| anyhow::anyhow!("the policy could not be reset: {fault}"))?;
        let (simulator, contest, own) = (self.simulator.clone(), self.contest.clone(), assignment.clone());
        let started = self.pool.run(move || {
            let world = simulator.episode(&own.environment, &own.seed, contest.randomisation)?;
            let executor = "fleet".parse().expect("the name is well-formed");
            let header = own.header(&contest, simulator.fingerprint(), &world, None, executor)?;
            let rules = EpisodeRules::of(&contest, PolicyProfile::KinitroV1);
            Rollout::start(world, header, rules)
        });
        let mut rollout = started.await??;
        let (mut overheads, mut missed) = (Vec::new(), 0);
        let mut observation = rollout.observation();
        loop {
            let (start, number) = (Instant::now(), rollout.steps());
            let reply = session.act(number, &observation).await;
            let reply = reply.map_err(|fault| anyhow::anyhow!("an episode was broken off: {fault}"))?;
            missed += u32::from(reply.answer.is_err());
            let stepped = self.pool.run(move || {
                let turn = rollout.step(&reply);
                (rollout, turn)
            });
            let (next, turn) = stepped.await?;
            rollout = next;
            let Some(held_us) = self.policy.held_us(&assignment.ticket.episode, number) else {
                bail!("the policy does not remember step {number}");
            };
            overheads.push((start.elapsed().as_secs_f64() * 1e6 - f64::from(held_us)) / 1e3);
            match turn {
                Turn::Observe(seen) => observation = seen,
                Turn::Over => return Ok((overheads, missed)),
            }
        }
    }
}

/// Prints the figures for people.
pub fn print(figures: &FleetFigures) {
    let mut table = Table::new(&["figure", "value"]);
    let rows = [
        ("episodes in flight", figures.episodes.to_string()),
        ("policies answer after", format!("{} ms", DELAY.as_millis())),
        ("own overhead per step, p50", format!("{:.2} ms", figures.overhead_p50_ms)),
        ("own overhead per step, p99", format!("{:.2} ms", figures.overhead_p99_ms)),
        ("own overhead per step, longest", format!("{:.2} ms", figures.overhead_max_ms)),
        ("resident memory at its highest", format!("{:.0} MiB", figures.peak_memory_mib)),
        ("missed steps", figures.missed.to_string()),
    ];
    for (name, value) in rows {
        table.row([name.to_owned(), value]);
    }
    table.print();
}
