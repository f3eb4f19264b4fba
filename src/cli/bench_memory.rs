//! The memory part of `kinitro bench sim`: what an idle episode in flight keeps resident.

use serde::Serialize;

use super::bench_work::{Source, advance, random_actions};
use crate::domain::{EnvId, Randomisation};
use crate::sim::Simulator;

/// Episodes in flight, dealt to the environments in turn.
const EPISODES: usize = 500;
/// Steps that each has taken: half of an episode, with its records.
const STEPS: usize = 250;
/// The most that an episode should keep, KiB.
const BAR_KIB: f64 = 2048.0;

/// What was found.
#[derive(Debug, Serialize)]
pub struct EpisodeMemory {
    /// Episodes in flight at once.
    pub episodes: usize,
    /// Steps that each has taken and recorded.
    pub steps: usize,
    /// Resident memory that each keeps while it waits for its policy, KiB: world and record, without compiled models.
    pub kib_per_episode: f64,
    /// The most that it should be, KiB.
    pub bar_kib: f64,
}

/// Measures episodes in these environments. It must come first in a process: memory that was freed before would be used again
/// without being counted.
///
/// # Errors
/// Unknown environment, missing assets, or a system that does not tell.
pub fn measure(
    simulator: &Simulator,
    environments: &[EnvId],
    randomisation: Randomisation,
) -> anyhow::Result<EpisodeMemory> {
    let actions = random_actions();
    let grown = |number: usize| -> anyhow::Result<_> {
        let environment = &environments[number % environments.len()];
        let mut rollout = Source { simulator, environment, randomisation, cameras: &[] }.begin(number as u64)?;
        advance(&mut rollout, &actions[..STEPS]);
        Ok(rollout)
    };
    // Models and templates are there before, and these stay, so that no memory is used twice.
    let first = (0..environments.len()).map(grown).collect::<anyhow::Result<Vec<_>>>()?;
    let before = status_kib("VmRSS")?;
    let flying = (0..EPISODES).map(grown).collect::<anyhow::Result<Vec<_>>>()?;
    let after = status_kib("VmRSS")?;
    drop((first, flying));
    let kib_per_episode = (after - before) / EPISODES as f64;
    Ok(EpisodeMemory { episodes: EPISODES, steps: STEPS, kib_per_episode, bar_kib: BAR_KIB })
}

/// A line of `/proc/self/status` that tells memory, KiB: `VmRSS` is what is resident now, `VmHWM` the most there ever was.
///
/// # Errors
/// When the system does not tell.
pub fn status_kib(name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    kib.ok_or_else(|| anyhow::anyhow!("/proc/self/status has no line {name}"))
}
