//! Transcripts that were checked a moment ago, so that the result that follows need not decode them again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::domain::{Digest, ExecutorId, TaskId};
use crate::transcript::Footer;

/// Checked transcripts remembered at most, about 200 bytes each. An upload and its result are seconds apart; an
/// older one is decoded again from the folder.
const MAX_REMEMBERED: usize = 8_192;

/// What a checked transcript says.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    /// The task it belongs to.
    pub(super) task: TaskId,
    /// Who recorded it.
    pub(super) executor: ExecutorId,
    /// Its summary.
    pub(super) footer: Footer,
}

/// The most recently checked transcripts; the oldest is forgotten first.
#[derive(Debug, Default)]
pub(super) struct RecentlyVerified(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_digest: BTreeMap<Digest, Verified>,
    order: VecDeque<Digest>,
}

impl RecentlyVerified {
    pub(super) fn get(&self, digest: &Digest) -> Option<Verified> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).by_digest.get(digest).cloned()
    }

    pub(super) fn remember(&self, digest: Digest, verified: Verified) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.by_digest.insert(digest, verified).is_none() {
            inner.order.push_back(digest);
        }
        if inner.order.len() > MAX_REMEMBERED
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.by_digest.remove(&oldest);
        }
    }
}
