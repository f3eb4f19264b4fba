//! What a validator remembers from look to look and over restarts, so that asking again changes no answer and nothing is
//! sent twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::sent::Sent;
use crate::chain::WeightsReceipt;
use crate::domain::{BlockNumber, CycleId, Digest, Hotkey, Uid};
use crate::replay::Sample;
use crate::score::Weights;

/// Most commits that are kept for their reveal: as many as the chain keeps of one hotkey.
const MAX_UNREVEALED: usize = 10;

/// Everything that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Memory {
    /// Whose word all of this is about, but for what was sent.
    operator: Option<Hotkey>,
    /// The manifest under examination.
    examined: Option<Examined>,
    /// The newest cycle that needs no further look.
    done: Option<CycleId>,
    /// What the newest cycle that was found true pays.
    earned: Option<Earned>,
    /// Weights that were sent, oldest first: the newest, and before it those that are to be revealed.
    sent: Vec<Sent>,
}

/// One manifest that its operator signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Examined {
    cycle: CycleId,
    digest: Digest,
    /// Decides which episodes are looked at. A secret until the verification is done.
    sample_seed: Digest,
    found: Option<Found>,
}

/// How far a manifest was found true, by which episodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    pub(super) verdict: Verdict,
    pub(super) read: Sample,
    pub(super) replays: Sample,
}

/// What a cycle pays, as far as it was found true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Earned {
    pub(super) cycle: CycleId,
    /// The manifest's.
    pub(super) digest: Digest,
    /// The cycle's anchor.
    pub(super) anchor: BlockNumber,
    pub(super) verdict: Verdict,
    /// Share of each uid; empty when nobody is paid.
    pub(super) weights: Weights,
    /// Who earned the weight of each uid.
    pub(super) earned_by: BTreeMap<Uid, Hotkey>,
    /// Why nobody is paid.
    pub(super) nobody: Option<String>,
}

/// What is known of a manifest that is to be examined.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Subject {
    /// It is the one under examination now.
    This {
        /// What decides the sample.
        sample_seed: [u8; 32],
        /// How far it was found true, if it was.
        found: Option<Found>,
    },
    /// The operator has signed another manifest of this cycle before.
    Second {
        /// That other one.
        first: Digest,
    },
}

impl Memory {
    /// The newest cycle that needs no further look.
    pub(super) fn done(&self) -> Option<CycleId> {
        self.done
    }

    /// Listens to `operator` from now on. What another one published counts for nothing then.
    pub(super) fn listen_to(&mut self, operator: Hotkey) {
        if self.operator != Some(operator) {
            *self = Memory { operator: Some(operator), sent: std::mem::take(&mut self.sent), ..Memory::default() };
        }
    }

    /// Whose word is remembered.
    pub(super) fn operator(&self) -> Option<Hotkey> {
        self.operator
    }

    /// The newest cycle that was ever looked at; an older one is not looked at any more.
    pub(super) fn newest(&self) -> Option<CycleId> {
        let examined = self.examined.as_ref().map(|examined| examined.cycle);
        self.done.max(examined).max(self.earned.as_ref().map(|earned| earned.cycle))
    }

    /// The cycle needs no further look.
    pub(super) fn finish(&mut self, cycle: CycleId) {
        self.done = self.done.max(Some(cycle));
    }

    /// Takes a manifest that its operator signed under examination. Its sample stays the same for as long as it is examined:
    /// with a new one at each try, an operator could hold back the episodes that it forged until none is asked for.
    pub(super) fn examine(&mut self, cycle: CycleId, digest: Digest, drawn: [u8; 32]) -> Subject {
        match &self.examined {
            Some(known) if known.cycle == cycle && known.digest == digest => {
                Subject::This { sample_seed: known.sample_seed.0, found: known.found }
            }
            Some(known) if known.cycle == cycle => Subject::Second { first: known.digest },
            _ => {
                self.examined = Some(Examined { cycle, digest, sample_seed: Digest(drawn), found: None });
                Subject::This { sample_seed: drawn, found: None }
            }
        }
    }

    /// The manifest under examination is true, and this is what it pays.
    pub(super) fn verified(&mut self, found: Found, earned: Earned) {
        if let Some(known) = &mut self.examined {
            known.found = Some(found);
        }
        self.earned = Some(earned);
    }

    /// The cycle is not true after all: it pays nothing.
    pub(super) fn untrue(&mut self, cycle: CycleId) {
        self.earned.take_if(|earned| earned.cycle == cycle);
    }

    /// What the newest cycle that was found true pays.
    pub(super) fn earned(&self) -> Option<&Earned> {
        self.earned.as_ref()
    }

    /// The weights that were sent last.
    pub(super) fn newest_sent(&self) -> Option<&Sent> {
        self.sent.last()
    }

    /// Weights are about to be sent.
    pub(super) fn sends(&mut self, sent: Sent) {
        self.sent.push(sent);
        // The newest and the one before it stay, whatever they are.
        let too_many = self.sent.len().saturating_sub(MAX_UNREVEALED + 1);
        self.sent.drain(..too_many);
    }

    /// The weights that were about to be sent were not.
    pub(super) fn was_refused(&mut self) {
        self.sent.pop();
    }

    /// The weights that were about to be sent are on the chain.
    pub(super) fn arrived(&mut self, receipt: WeightsReceipt) {
        let Some(newest) = self.sent.pop() else { return };
        self.sent.retain(Sent::awaits_reveal);
        let too_many = self.sent.len().saturating_sub(MAX_UNREVEALED - 1);
        self.sent.drain(..too_many);
        self.sent.push(newest.arrived(receipt));
    }

    /// Commits that are to be revealed, oldest first.
    pub(super) fn unrevealed(&self) -> Vec<Sent> {
        self.sent.iter().filter(|sent| sent.awaits_reveal()).cloned().collect()
    }

    /// Something happened to a commit that waits for its reveal.
    pub(super) fn touch(&mut self, which: &Sent, change: impl FnOnce(&mut Sent)) {
        if let Some(sent) = self.sent.iter_mut().find(|sent| *sent == which) {
            change(sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{WeightSubmission, WeightsForm};

    const CYCLE: CycleId = CycleId(4);

    fn sent(value: u16) -> Sent {
        let submission = WeightSubmission {
            uids: vec![Uid(1)],
            values: vec![value],
            version_key: 0,
            holders: vec![Hotkey([1; 32])],
            salt: [value; 8],
        };
        Sent::now(CYCLE, submission, BlockNumber(100), true)
    }

    fn receipt(block: u64, form: WeightsForm) -> WeightsReceipt {
        WeightsReceipt { block: BlockNumber(block), form }
    }

    fn earned(verdict: Verdict) -> Earned {
        let weights = Weights::from([(Uid(1), 0.1 + 0.2), (Uid(7), 1.0 / 3.0)]);
        let earned_by = [(Uid(1), Hotkey([1; 32])), (Uid(7), Hotkey([7; 32]))].into();
        let (digest, anchor) = (Digest([1; 32]), BlockNumber(90));
        Earned { cycle: CYCLE, digest, anchor, verdict, weights, earned_by, nobody: None }
    }

    fn found(verdict: Verdict) -> Found {
        Found { verdict, read: Sample::All, replays: Sample::Percent(10.0) }
    }

    #[test]
    fn the_sample_of_a_manifest_is_drawn_once() {
        let mut memory = Memory::default();
        let drawn = |byte, found| Subject::This { sample_seed: [byte; 32], found };
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), [7; 32]), drawn(7, None));
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), [8; 32]), drawn(7, None));
        memory.verified(found(Verdict::ExceptPictures), earned(Verdict::ExceptPictures));
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), [8; 32]), drawn(7, Some(found(Verdict::ExceptPictures))));
        assert_eq!(memory.examine(CycleId(5), Digest([2; 32]), [9; 32]), drawn(9, None));
    }

    #[test]
    fn a_second_manifest_of_one_cycle_is_told_from_the_first() {
        let mut memory = Memory::default();
        memory.examine(CYCLE, Digest([1; 32]), [7; 32]);
        let second = Subject::Second { first: Digest([1; 32]) };
        assert_eq!(memory.examine(CYCLE, Digest([2; 32]), [7; 32]), second);
        assert_eq!(memory.examine(CYCLE, Digest([2; 32]), [7; 32]), second, "and stays second");
    }

    #[test]
    fn what_is_done_never_goes_back() {
        let mut memory = Memory::default();
        memory.finish(CYCLE);
        memory.finish(CycleId(2));
        assert_eq!(memory.done(), Some(CYCLE));
    }

    #[test]
    fn a_refused_submission_leaves_the_one_before_it() {
        let mut memory = Memory::default();
        memory.sends(sent(1));
        memory.arrived(receipt(102, WeightsForm::Plain));
        let before = memory.newest_sent().cloned();
        memory.sends(sent(2));
        memory.was_refused();
        assert_eq!(memory.newest_sent().cloned(), before);
    }

    #[test]
    fn commits_wait_for_their_reveal_behind_newer_ones() {
        let mut memory = Memory::default();
        for (value, form) in [(1, WeightsForm::Hashed), (2, WeightsForm::Plain), (3, WeightsForm::Hashed)] {
            memory.sends(sent(value));
            memory.arrived(receipt(100 + u64::from(value), form));
        }
        memory.sends(sent(4));
        memory.arrived(receipt(104, WeightsForm::Timelocked));
        let waiting = memory.unrevealed();
        assert_eq!(waiting.iter().map(|sent| sent.submission().values[0]).collect::<Vec<_>>(), [1, 3]);
        memory.touch(&waiting[0], Sent::is_open);
        memory.touch(&waiting[1], Sent::fail);
        assert_eq!(memory.unrevealed(), []);
        for value in 0..30 {
            memory.sends(sent(value));
            memory.arrived(receipt(200 + u64::from(value), WeightsForm::Hashed));
        }
        assert_eq!(memory.unrevealed().len(), MAX_UNREVEALED);
        assert_eq!(memory.newest_sent().unwrap().submission().values[0], 29);
    }

    #[test]
    fn another_operators_word_is_forgotten_but_not_what_was_sent() {
        let mut memory = Memory::default();
        memory.listen_to(Hotkey([1; 32]));
        memory.examine(CYCLE, Digest([1; 32]), [7; 32]);
        memory.verified(found(Verdict::Verified), earned(Verdict::Verified));
        memory.finish(CycleId(3));
        memory.sends(sent(5));
        assert_eq!(memory.newest(), Some(CYCLE));
        memory.listen_to(Hotkey([1; 32]));
        assert_eq!(memory.newest(), Some(CYCLE));
        memory.listen_to(Hotkey([2; 32]));
        assert_eq!((memory.newest(), memory.earned()), (None, None));
        assert_eq!(memory.newest_sent(), Some(&sent(5)));
    }

    #[test]
    fn submissions_of_unknown_fate_do_not_pile_up() {
        let mut memory = Memory::default();
        (0..100).for_each(|value| memory.sends(sent(value)));
        assert_eq!(memory.unrevealed().len(), MAX_UNREVEALED + 1);
        assert_eq!(memory.newest_sent(), Some(&sent(99)));
    }

    #[test]
    fn it_reads_back_to_the_last_bit() {
        let mut memory = Memory::default();
        memory.examine(CYCLE, Digest([1; 32]), [7; 32]);
        memory.verified(found(Verdict::Verified), earned(Verdict::Verified));
        memory.sends(sent(5));
        memory.arrived(receipt(103, WeightsForm::Hashed));
        memory.finish(CYCLE);
        let json = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<Memory>(&json).unwrap(), memory);
    }
}
