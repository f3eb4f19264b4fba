//! Whose failure it is: what was heard of each miner, what our own reference policy says, and, when most miners seem to fail,
//! what those say that were not heard of lately.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::fault_judge::FaultJudge;
use crate::domain::{Contest, CycleId, Fault, FaultReason, Hotkey};
use crate::policy::{Endpoint, PolicyClient, ReferenceServer};
use crate::store::LeasedTask;

/// Silent miners asked at once, chosen by lot. A few colluders that are the last ones still at work, and fail together, must
/// be outvoted by those that have long finished.
const MAX_ASKED: usize = 32;
/// Pauses after an outage, in units of the settling time: the first, and the longest to which it doubles. Each try in an
/// outage costs a task one of its few attempts.
const FIRST_PAUSE: u32 = 4;
const LONGEST_PAUSE: u32 = 24;

/// Decides about failures that could be ours.
pub(super) struct Outages {
    settle: Duration,
    judge: Mutex<FaultJudge>,
    known: Mutex<Known>,
    pause: Mutex<Pause>,
    /// Held while the silent are asked, so that many failures at once ask them once.
    asking: tokio::sync::Mutex<()>,
}

/// The miners of the newest cycle that were worked for, and where they are.
#[derive(Default)]
struct Known {
    cycle: Option<CycleId>,
    endpoints: BTreeMap<Hotkey, Endpoint>,
}

#[derive(Default)]
struct Pause {
    length: Duration,
    until: Option<Instant>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outages {
    /// `settle` is how long a failure waits for others like it before it is judged.
    pub(super) fn new(settle: Duration) -> Outages {
        Outages {
            settle,
            judge: Mutex::default(),
            known: Mutex::default(),
            pause: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// Remembers where a miner is.
    pub(super) fn meet(&self, task: &LeasedTask, endpoint: &Endpoint) {
        let mut known = lock(&self.known);
        if known.cycle != Some(task.cycle) {
            *known = Known { cycle: Some(task.cycle), endpoints: BTreeMap::new() };
        }
        known.endpoints.insert(task.miner.hotkey, endpoint.clone());
    }

    /// Until when no tasks should be taken, because everything fails.
    pub(super) fn pause_until(&self) -> Option<Instant> {
        lock(&self.pause).until.filter(|until| *until > Instant::now())
    }

    /// Takes note of how an episode ended.
    pub(super) fn note(&self, hotkey: Hotkey, fault: Option<Fault>) {
        lock(&self.judge).note(hotkey, fault, Instant::now());
        if fault.is_none() {
            *lock(&self.pause) = Pause::default();
        }
    }

    /// The fault of a noted failure as it should be reported, after others like it had time to show.
    pub(super) async fn settled(
        &self,
        fault: Fault,
        client: &PolicyClient,
        reference: &ReferenceServer,
        contest: &Contest,
    ) -> Fault {
        tokio::time::sleep(self.settle).await;
        let reference_answers = reference.answers(client, &contest.limits).await;
        let mut judged = self.judged(fault, reference_answers);
        if reference_answers && judged != fault {
            self.ask_the_silent(client, contest).await;
            judged = self.judged(fault, reference_answers);
        }
        if judged.reason == FaultReason::PlatformOutage {
            self.pause();
        }
        judged
    }

    fn judged(&self, fault: Fault, reference_answers: bool) -> Fault {
        lock(&self.judge).judge(fault, reference_answers, Instant::now())
    }

    /// Asks miners that were not heard of lately whether they can be reached, and notes their answers.
    async fn ask_the_silent(&self, client: &PolicyClient, contest: &Contest) {
        let _asking = self.asking.lock().await;
        let known = lock(&self.known).endpoints.clone();
        let silent = lock(&self.judge).silent(known.keys().copied(), Instant::now());
        let asked = by_lot(silent).into_iter().take(MAX_ASKED);
        let answers = asked.map(|hotkey| {
            let endpoint = &known[&hotkey];
            async move { (hotkey, client.reaches(endpoint, &contest.limits).await) }
        });
        for (hotkey, reached) in join_all(answers).await {
            lock(&self.judge).note(hotkey, (!reached).then_some(Fault::new(FaultReason::Unreachable)), Instant::now());
        }
    }

    fn pause(&self) {
        let (mut pause, now) = (lock(&self.pause), Instant::now());
        if pause.until.is_none_or(|until| until <= now) {
            pause.length = (pause.length * 2).clamp(self.settle * FIRST_PAUSE, self.settle * LONGEST_PAUSE);
            pause.until = Some(now + pause.length);
            tracing::warn!(pause = ?pause.length, "most policies cannot be reached; no tasks are taken for a while");
        }
    }
}

/// Shuffled by this machine's randomness: an order that miners could choose their hotkeys for would be theirs.
fn by_lot(hotkeys: Vec<Hotkey>) -> Vec<Hotkey> {
    let mut key = [0; 32];
    if getrandom::fill(&mut key).is_err() {
        return hotkeys;
    }
    let mut ranked: Vec<_> =
        hotkeys.into_iter().map(|hotkey| (*blake3::keyed_hash(&key, &hotkey.0).as_bytes(), hotkey)).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, hotkey)| hotkey).collect()
}
