//! The episodes that a server of ours plays at the moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Brain;

/// Most episodes at the same time; each may hold a world of about a megabyte. Twice what one executor has in
/// flight, so that only ended episodes are dropped.
const MAX_EPISODES: usize = 512;

/// One episode's brain. The calls of an episode come one after the other; the lock keeps it so.
pub(super) type SharedBrain = Arc<Mutex<Box<dyn Brain>>>;

/// Brains by episode id; the one not used for longest makes place for a new one.
#[derive(Default)]
pub(super) struct Episodes {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    brains: BTreeMap<String, (u64, SharedBrain)>,
    clock: u64,
}

impl Episodes {
    pub(super) fn insert(&self, id: &str, brain: Box<dyn Brain>) {
        let mut inner = self.inner();
        let now = inner.tick();
        inner.brains.insert(id.to_owned(), (now, Arc::new(Mutex::new(brain))));
        if inner.brains.len() > MAX_EPISODES {
            let oldest = inner.brains.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| id.clone());
            oldest.and_then(|id| inner.brains.remove(&id));
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<SharedBrain> {
        let mut inner = self.inner();
        let now = inner.tick();
        let (used, brain) = inner.brains.get_mut(id)?;
        *used = now;
        Some(brain.clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing that can panic is done under the lock.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }
}

#[cfg(test)]
mod tests {
    use super::{Episodes, MAX_EPISODES};
    use crate::domain::PolicyObservation;
    use crate::policy::mock_miner::{Brain, BrainError};

    struct Nothing;

    impl Brain for Nothing {
        fn act(&mut self, _step: Option<u32>, _observation: &PolicyObservation) -> Result<[f64; 4], BrainError> {
            Ok([0.0; 4])
        }
    }

    #[test]
    fn the_episode_not_used_for_longest_makes_place() {
        let episodes = Episodes::default();
        for index in 0..MAX_EPISODES {
            episodes.insert(&index.to_string(), Box::new(Nothing));
        }
        assert!(episodes.get("0").is_some());
        episodes.insert("new", Box::new(Nothing));
        assert!(episodes.get("1").is_none());
        assert!(episodes.get("0").is_some() && episodes.get("new").is_some());
    }
}
