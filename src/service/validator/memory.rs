//! What a validator remembers from look to look and over restarts, so that asking again changes no answer and nothing is
//! sent twice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Verdict;
use super::sent::Sent;
use crate::chain::WeightsReceipt;
use crate::domain::{CycleId, Digest, Hotkey, Uid};
use crate::score::Weights;

/// Most commits that are kept for their reveal: as many as the chain keeps of one hotkey.
const MAX_UNREVEALED: usize = 10;

/// Everything that is remembered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Memory {
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
    verdict: Option<Verdict>,
}

/// What a cycle pays, as far as it was found true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Earned {
    pub(super) cycle: CycleId,
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
        verdict: Option<Verdict>,
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

    /// The cycle needs no further look.
    pub(super) fn finish(&mut self, cycle: CycleId) {
        self.done = self.done.max(Some(cycle));
    }

    /// Takes a manifest that its operator signed under examination. Its sample stays the same for as long as it is examined:
    /// with a new one at each try, an operator could hold back the episodes that it forged until none is asked for.
    pub(super) fn examine(&mut self, cycle: CycleId, digest: Digest, drawn: [u8; 32]) -> Subject {
        match &self.examined {
            Some(known) if known.cycle == cycle && known.digest == digest => {
                Subject::This { sample_seed: known.sample_seed.0, verdict: known.verdict }
            }
            Some(known) if known.cycle == cycle => Subject::Second { first: known.digest },
            _ => {
                self.examined = Some(Examined { cycle, digest, sample_seed: Digest(drawn), verdict: None });
                Subject::This { sample_seed: drawn, verdict: None }
            }
        }
    }

    /// The manifest under examination is true, and this is what it pays.
    pub(super) fn verified(&mut self, earned: Earned) {
        if let Some(known) = &mut self.examined {
            known.verdict = Some(earned.verdict);
        }
        self.earned = Some(earned);
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

    /// A commit was revealed.
    pub(super) fn revealed(&mut self, which: &Sent) {
        self.sent.iter_mut().filter(|sent| *sent == which).for_each(Sent::reveal);
    }

    /// A commit is not on the chain any more and was never revealed.
    pub(super) fn lost(&mut self, which: &Sent) {
        self.sent.retain(|sent| sent != which);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{WeightSubmission, WeightsForm};
    use crate::domain::BlockNumber;

    const CYCLE: CycleId = CycleId(4);

    fn sent(value: u16) -> Sent {
        let submission = WeightSubmission {
            uids: vec![Uid(1)],
            values: vec![value],
            version_key: 0,
            holders: vec![Hotkey([1; 32])],
            salt: [value; 8],
        };
        Sent::now(CYCLE, submission, BlockNumber(100))
    }

    fn receipt(block: u64, form: WeightsForm) -> WeightsReceipt {
        WeightsReceipt { block: BlockNumber(block), form }
    }

    fn earned(verdict: Verdict) -> Earned {
        let weights = Weights::from([(Uid(1), 0.1 + 0.2), (Uid(7), 1.0 / 3.0)]);
        let earned_by = [(Uid(1), Hotkey([1; 32])), (Uid(7), Hotkey([7; 32]))].into();
        Earned { cycle: CYCLE, verdict, weights, earned_by, nobody: None }
    }

    #[test]
    fn the_sample_of_a_manifest_is_drawn_once() {
        let mut memory = Memory::default();
        let drawn = |byte, verdict| Subject::This { sample_seed: [byte; 32], verdict };
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), [7; 32]), drawn(7, None));
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), [8; 32]), drawn(7, None));
        memory.verified(earned(Verdict::ExceptPictures));
        assert_eq!(memory.examine(CYCLE, Digest([1; 32]), [8; 32]), drawn(7, Some(Verdict::ExceptPictures)));
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
        memory.revealed(&waiting[0]);
        memory.lost(&waiting[1]);
        assert_eq!(memory.unrevealed(), []);
        for value in 0..30 {
            memory.sends(sent(value));
            memory.arrived(receipt(200 + u64::from(value), WeightsForm::Hashed));
        }
        assert_eq!(memory.unrevealed().len(), MAX_UNREVEALED);
        assert_eq!(memory.newest_sent().unwrap().submission().values[0], 29);
    }

    #[test]
    fn it_reads_back_to_the_last_bit() {
        let mut memory = Memory::default();
        memory.examine(CYCLE, Digest([1; 32]), [7; 32]);
        memory.verified(earned(Verdict::Verified));
        memory.sends(sent(5));
        memory.arrived(receipt(103, WeightsForm::Hashed));
        memory.finish(CYCLE);
        let json = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<Memory>(&json).unwrap(), memory);
    }
}
