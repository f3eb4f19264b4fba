//! What earlier cycles found out about claims.

use std::collections::BTreeMap;

use super::Judged;
use crate::domain::{BlockNumber, Claim, Hotkey, WeightsDigest};

/// What is remembered of the claims that held their weights ([`Judged::holds`]), over all earlier cycles.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClaimHistory {
    dates: BTreeMap<(Hotkey, WeightsDigest), BlockNumber>,
    weights: BTreeMap<(Hotkey, String, String), WeightsDigest>,
}

impl ClaimHistory {
    /// Remembers that a hotkey held these weights by that claim, since a block; the oldest block counts. A date that a stranger
    /// got by naming another's repository must never get here: it would count for weights that it copies later.
    pub fn add(&mut self, hotkey: Hotkey, claim: &Claim, weights: WeightsDigest, since: BlockNumber) {
        self.dates.entry((hotkey, weights)).and_modify(|oldest| *oldest = since.min(*oldest)).or_insert(since);
        self.weights.insert((hotkey, claim.repo.clone(), claim.revision.clone()), weights);
    }

    /// Remembers a submission, if it holds its weights.
    pub fn remember(&mut self, judged: &Judged) {
        if let (Some(weights), Some(claim), true) = (judged.weights, &judged.admission.claim, judged.holds()) {
            self.add(judged.admission.hotkey, claim, weights, judged.since);
        }
    }

    /// The block of a hotkey's oldest claim of these weights.
    pub fn date(&self, hotkey: Hotkey, weights: WeightsDigest) -> Option<BlockNumber> {
        self.dates.get(&(hotkey, weights)).copied()
    }

    /// The weights that a hotkey held by a claim of the same revision, whose files nobody can change.
    pub fn weights_of(&self, hotkey: Hotkey, claim: &Claim) -> Option<WeightsDigest> {
        self.weights.get(&(hotkey, claim.repo.clone(), claim.revision.clone())).copied()
    }
}
