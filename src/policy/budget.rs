//! How much of our attention one miner, and one host, may take.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::domain::{Fault, Hotkey};

/// Time that failed beginnings of one miner may take before further ones fail without being tried. Four
/// tries of a server that never answers take about this long.
const FRUITLESS_ALLOWANCE: Duration = Duration::from_secs(60);
/// Most that is held against a miner, so that one that comes back is heard again after as long at most.
const FRUITLESS_CAP: Duration = Duration::from_secs(120);
/// Entries of idle hosts and miners are dropped once there are more than this many.
const MAX_IDLE_ENTRIES: usize = 1024;

/// Episodes at the same time, and time spent for nothing, by host and by miner.
///
/// A server that only wastes time (a tarpit) takes its own slots, not those of others; behind the first
/// burst, a miner that never answers takes no more than one slot's time.
#[derive(Debug)]
pub(super) struct Budgets {
    per_host: usize,
    per_miner: usize,
    hosts: Mutex<BTreeMap<String, Arc<Semaphore>>>,
    miners: Mutex<BTreeMap<Hotkey, Arc<MinerBudget>>>,
}

#[derive(Debug)]
struct MinerBudget {
    slots: Arc<Semaphore>,
    fruitless: Mutex<Fruitless>,
}

/// A leaky bucket of time: filled by failed beginnings, drained by the clock.
#[derive(Debug)]
struct Fruitless {
    level: Duration,
    at: Instant,
    last: Option<Fault>,
}

/// The slots of one episode; given back when dropped.
#[derive(Debug)]
pub(super) struct Slots {
    _host: OwnedSemaphorePermit,
    _miner: OwnedSemaphorePermit,
    budget: Arc<MinerBudget>,
}

impl Budgets {
    pub(super) fn new(per_host: usize, per_miner: usize) -> Budgets {
        Budgets { per_host, per_miner, hosts: Mutex::default(), miners: Mutex::default() }
    }

    /// Waits for a slot of `miner` and of `host`. The wait ends: each slot is held for one episode, which has
    /// deadlines, and those waiting are as many as the caller has episodes in flight.
    ///
    /// # Errors
    /// The miner's last fault, when its failed beginnings have used up its allowance of time.
    pub(super) async fn admit(&self, host: &str, miner: Hotkey) -> Result<Slots, Fault> {
        let budget = self.miner(miner);
        let host = self.host(host);
        let miner_slot = budget.slots.clone().acquire_owned().await.expect("the semaphore is never closed");
        budget.fruitless().check(Instant::now())?;
        let host_slot = host.acquire_owned().await.expect("the semaphore is never closed");
        Ok(Slots { _host: host_slot, _miner: miner_slot, budget })
    }

    fn miner(&self, miner: Hotkey) -> Arc<MinerBudget> {
        let mut miners = self.miners.lock().expect("no panic under the lock");
        if miners.len() > MAX_IDLE_ENTRIES {
            miners.retain(|_, budget| {
                Arc::strong_count(budget) > 1 || budget.fruitless().drain(Instant::now()) > Duration::ZERO
            });
        }
        miners.entry(miner).or_insert_with(|| Arc::new(MinerBudget::new(self.per_miner))).clone()
    }

    fn host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().expect("no panic under the lock");
        if hosts.len() > MAX_IDLE_ENTRIES {
            hosts.retain(|_, slots| Arc::strong_count(slots) > 1);
        }
        hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host))).clone()
    }
}

impl Slots {
    /// Notes that beginning an episode failed after `spent` of waiting on the network.
    pub(super) fn note_failure(&self, spent: Duration, fault: Fault) {
        self.budget.fruitless().add(spent, fault, Instant::now());
    }
}

impl MinerBudget {
    fn new(slots: usize) -> MinerBudget {
        MinerBudget { slots: Arc::new(Semaphore::new(slots)), fruitless: Mutex::new(Fruitless::new(Instant::now())) }
    }

    fn fruitless(&self) -> MutexGuard<'_, Fruitless> {
        self.fruitless.lock().expect("no panic under the lock")
    }
}

impl Fruitless {
    fn new(now: Instant) -> Fruitless {
        Fruitless { level: Duration::ZERO, at: now, last: None }
    }

    fn drain(&mut self, now: Instant) -> Duration {
        self.level = self.level.saturating_sub(now.saturating_duration_since(self.at));
        self.at = now;
        self.level
    }

    fn add(&mut self, spent: Duration, fault: Fault, now: Instant) {
        self.level = (self.drain(now) + spent).min(FRUITLESS_CAP);
        self.last = Some(fault);
    }

    fn check(&mut self, now: Instant) -> Result<(), Fault> {
        let exhausted = self.drain(now) > FRUITLESS_ALLOWANCE;
        match self.last {
            Some(fault) if exhausted => Err(fault),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, timeout};

    use super::{Budgets, Fruitless};
    use crate::domain::{Fault, FaultReason, Hotkey};

    const SOON: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn many_miners_on_one_host_share_its_slots() {
        let budgets = Budgets::new(2, 10);
        let first = budgets.admit("tarpit", Hotkey([1; 32])).await.unwrap();
        let _second = budgets.admit("tarpit", Hotkey([2; 32])).await.unwrap();
        assert!(timeout(SOON, budgets.admit("tarpit", Hotkey([3; 32]))).await.is_err());
        assert!(timeout(SOON, budgets.admit("elsewhere", Hotkey([3; 32]))).await.is_ok());
        drop(first);
        assert!(timeout(SOON, budgets.admit("tarpit", Hotkey([3; 32]))).await.is_ok());
    }

    #[tokio::test]
    async fn one_miner_on_many_hosts_has_its_own_slots_only() {
        let budgets = Budgets::new(10, 1);
        let _first = budgets.admit("a", Hotkey([1; 32])).await.unwrap();
        assert!(timeout(SOON, budgets.admit("b", Hotkey([1; 32]))).await.is_err());
        assert!(timeout(SOON, budgets.admit("b", Hotkey([2; 32]))).await.is_ok());
    }

    #[test]
    fn a_miner_that_wastes_time_is_not_tried_again_until_time_has_passed() {
        let start = Instant::now();
        let fault = Fault::new(FaultReason::ResetTimeout);
        let mut fruitless = Fruitless::new(start);
        (0..4).for_each(|_| fruitless.add(Duration::from_secs(15), fault, start));
        assert_eq!(fruitless.check(start), Ok(()));
        fruitless.add(Duration::from_secs(15), fault, start);
        assert_eq!(fruitless.check(start), Err(fault));
        assert_eq!(fruitless.check(start + Duration::from_secs(20)), Ok(()));
        (0..1000).for_each(|_| fruitless.add(Duration::from_secs(15), fault, start));
        assert_eq!(fruitless.check(start + Duration::from_secs(100)), Ok(()), "what is held against it has an end");
    }

    #[tokio::test]
    async fn what_one_miner_wasted_is_not_held_against_its_neighbour() {
        let budgets = Budgets::new(10, 10);
        let fault = Fault::new(FaultReason::ResetTimeout);
        budgets.admit("tarpit", Hotkey([1; 32])).await.unwrap().note_failure(Duration::from_secs(100), fault);
        assert_eq!(budgets.admit("tarpit", Hotkey([1; 32])).await.unwrap_err(), fault);
        assert!(budgets.admit("tarpit", Hotkey([2; 32])).await.is_ok());
    }
}
