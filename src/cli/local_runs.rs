//! Episodes that run here, with a policy that needs no server.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::bail;

use super::progress::Progress;
use crate::beacon::{DEFAULT_DEV_CHAIN, OperatorKey, dev_genesis};
use crate::domain::{BlockNumber, Contest};
use crate::episode::Rollout;
use crate::service::executor::Assignment;
use crate::service::trial::{LocalPolicy, Trial, run_watched};
use crate::sim::Simulator;
use crate::transcript::Transcript;

/// The episodes of `contest` in the worlds of a block of the development chain, for nobody in particular.
pub fn trial(contest: Contest, block: u64) -> Trial {
    let hotkey = OperatorKey::dev("trial").hotkey();
    Trial { contest, genesis: dev_genesis(DEFAULT_DEV_CHAIN), block: BlockNumber(block), hotkey }
}

/// How many episodes this machine runs best at once: one per core.
pub fn cores() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Runs every episode of a trial, `threads` at once, and gives, in the order of its assignments, what `keep` makes of
/// each transcript.
///
/// # Errors
/// When the engine fails.
pub fn run_all<T: Send>(
    simulator: &Simulator,
    trial: &Trial,
    policy: LocalPolicy,
    threads: NonZeroUsize,
    keep: impl Fn(Transcript) -> T + Sync,
) -> anyhow::Result<Vec<T>> {
    run_all_watched(simulator, trial, policy, threads, keep, |_, _| Ok(()))
}

/// The same; `watch` is shown each episode at its reset and after every step.
///
/// # Errors
/// When the engine fails, and those of `watch`.
pub fn run_all_watched<T: Send>(
    simulator: &Simulator,
    trial: &Trial,
    policy: LocalPolicy,
    threads: NonZeroUsize,
    keep: impl Fn(Transcript) -> T + Sync,
    watch: impl Fn(&Assignment, &Rollout) -> anyhow::Result<()> + Sync,
) -> anyhow::Result<Vec<T>> {
    for_all(trial, threads, "episodes", |assignment| {
        let watch = |rollout: &Rollout| watch(assignment, rollout);
        Ok(keep(run_watched(simulator, &trial.contest, assignment, policy, watch)?))
    })
}

/// Does `work` for every assignment of a trial, `threads` at once, and gives what came of it in their order. People see
/// how many of `what` are done.
///
/// # Errors
/// The first error of `work`.
pub fn for_all<T: Send>(
    trial: &Trial,
    threads: NonZeroUsize,
    what: &'static str,
    work: impl Fn(&Assignment) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let assignments = trial.assignments();
    let progress = Progress::new(what, assignments.len() as u64);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> anyhow::Result<()> {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(assignment) = assignments.get(place) else { return Ok(()) };
            let kept = work(assignment)?;
            let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            done.push((place, kept));
            progress.set(done.len() as u64);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.get().min(assignments.len())).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(result) => result?,
                Err(_) => bail!("an episode panicked; this is a fault of the program, please report it"),
            }
        }
        Ok(())
    })?;
    progress.clear();
    let mut done = done.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    done.sort_by_key(|(place, _)| *place);
    Ok(done.into_iter().map(|(_, kept)| kept).collect())
}
