//! Weights that were sent, and whether they count.

use serde::{Deserialize, Serialize};

use crate::chain::{WeightSubmission, WeightsForm, WeightsReceipt};
use crate::domain::{BlockNumber, CycleId};

/// Blocks after which a transaction that no block took can be taken no more: the 64 of its life, and some that the finalized
/// head was behind when it was signed.
const LIFE_BLOCKS: u64 = 80;

/// One submission of weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sent {
    cycle: CycleId,
    submission: WeightSubmission,
    /// The finalized head when it was sent.
    since: BlockNumber,
    /// Whether the subnet took weights by commit and reveal then.
    committed: bool,
    /// In which form it arrived; none where its fate is unknown.
    form: Option<WeightsForm>,
    /// The block that holds it.
    block: Option<BlockNumber>,
    opening: Opening,
}

/// How far committed weights are from being open, as far as that is ours to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Opening {
    /// Nobody tried yet, or it was too early.
    Untried,
    /// It was tried while this was the finalized head; whether a block took that is not known.
    TriedAt(BlockNumber),
    /// Nothing is left to do.
    Done,
    /// They never stood and never will.
    Failed,
}

/// What is known of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is final, in this block or one a little before.
    Landed(BlockNumber),
    /// A block may still take it, up to this one.
    UnderWay(BlockNumber),
    /// It is not on the chain.
    Absent,
}

impl Sent {
    /// A submission that is about to be sent while `since` is the finalized head; `committed` where the subnet takes weights by
    /// commit and reveal.
    pub(super) fn now(cycle: CycleId, submission: WeightSubmission, since: BlockNumber, committed: bool) -> Sent {
        Sent { cycle, submission, since, committed, form: None, block: None, opening: Opening::Untried }
    }

    pub(super) fn arrived(self, WeightsReceipt { block, form }: WeightsReceipt) -> Sent {
        Sent { block: Some(block), form: Some(form), ..self }
    }

    /// It went to the chain as a hash, as is known now.
    pub(super) fn is_hashed(&mut self) {
        self.form = Some(WeightsForm::Hashed);
    }

    /// Whether no reveal of it is known.
    pub(super) fn is_untried(&self) -> bool {
        self.opening == Opening::Untried
    }

    /// A reveal may be in a block after the finalized head `head`.
    pub(super) fn try_to_open(&mut self, head: BlockNumber) {
        self.opening = Opening::TriedAt(head);
    }

    /// It is open, or needs no reveal.
    pub(super) fn is_open(&mut self) {
        self.opening = Opening::Done;
    }

    /// It will never be open.
    pub(super) fn fail(&mut self) {
        self.opening = Opening::Failed;
    }

    /// Whether a block may still take a reveal that was tried before.
    pub(super) fn reveal_is_under_way(&self, head: BlockNumber) -> bool {
        matches!(self.opening, Opening::TriedAt(tried) if head.0 <= tried.0.saturating_add(LIFE_BLOCKS))
    }

    pub(super) fn cycle(&self) -> CycleId {
        self.cycle
    }

    pub(super) fn submission(&self) -> &WeightSubmission {
        &self.submission
    }

    /// Whether it stands on the chain as a hash that nobody but we can open. Of a commit of unknown fate the form is unknown
    /// too: it is tried.
    pub(super) fn awaits_reveal(&self) -> bool {
        let may_be_hashed = match self.form {
            Some(form) => form == WeightsForm::Hashed,
            None => self.committed,
        };
        may_be_hashed && matches!(self.opening, Opening::Untried | Opening::TriedAt(_))
    }

    /// Whether nobody knows in which form it went to the chain.
    pub(super) fn has_unknown_form(&self) -> bool {
        self.form.is_none()
    }

    /// Whether it pays the same to the same.
    pub(super) fn is_of(&self, other: &WeightSubmission) -> bool {
        let WeightSubmission { uids, values, holders, .. } = &self.submission;
        (uids, values, holders) == (&other.uids, &other.values, &other.holders)
    }

    /// What is known of it at the finalized block `head`, where the signer's last update was in block `last_update`.
    pub(super) fn standing(&self, last_update: Option<BlockNumber>, head: BlockNumber) -> Standing {
        match last_update {
            _ if self.opening == Opening::Failed => Standing::Absent,
            Some(block) if block > self.since => Standing::Landed(block),
            _ => {
                let until = BlockNumber(self.since.0.saturating_add(LIFE_BLOCKS));
                if head <= until { Standing::UnderWay(until) } else { Standing::Absent }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hotkey, Uid};

    fn sent() -> Sent {
        let submission = WeightSubmission {
            uids: vec![Uid(1)],
            values: vec![65_535],
            version_key: 0,
            holders: vec![Hotkey([1; 32])],
            salt: [0; 8],
        };
        Sent::now(CycleId(1), submission, BlockNumber(100), true)
    }

    #[test]
    fn it_has_landed_once_the_signers_last_update_is_younger() {
        let standing =
            |last_update: Option<u64>, head| sent().standing(last_update.map(BlockNumber), BlockNumber(head));
        let until = BlockNumber(100 + LIFE_BLOCKS);
        assert_eq!(standing(None, 100), Standing::UnderWay(until));
        assert_eq!(standing(Some(100), 180), Standing::UnderWay(until));
        assert_eq!(standing(Some(100), 181), Standing::Absent);
        assert_eq!(standing(Some(103), 110), Standing::Landed(BlockNumber(103)));
        assert_eq!(standing(Some(103), 9_000), Standing::Landed(BlockNumber(103)));
    }

    #[test]
    fn a_uid_in_other_hands_is_another_payment() {
        let mut other = sent().submission;
        other.salt = [9; 8];
        assert!(sent().is_of(&other));
        other.holders = vec![Hotkey([2; 32])];
        assert!(!sent().is_of(&other));
    }

    #[test]
    fn a_hash_waits_for_its_reveal_and_nothing_else_does() {
        let arrived = |form| sent().arrived(WeightsReceipt { block: BlockNumber(102), form });
        assert!(sent().awaits_reveal(), "nobody knows");
        assert!(!Sent { committed: false, ..sent() }.awaits_reveal(), "it was no commit");
        assert!(arrived(WeightsForm::Hashed).awaits_reveal());
        assert!(!arrived(WeightsForm::Plain).awaits_reveal() && !arrived(WeightsForm::Timelocked).awaits_reveal());
        let mut tried = arrived(WeightsForm::Hashed);
        tried.try_to_open(BlockNumber(200));
        assert!(tried.awaits_reveal() && tried.reveal_is_under_way(BlockNumber(280)));
        assert!(!tried.reveal_is_under_way(BlockNumber(281)));
        tried.is_open();
        assert!(!tried.awaits_reveal());
    }

    #[test]
    fn a_commit_that_will_never_be_open_does_not_stand() {
        let mut failed = sent();
        failed.fail();
        assert!(!failed.awaits_reveal());
        assert_eq!(failed.standing(Some(BlockNumber(103)), BlockNumber(110)), Standing::Absent);
    }
}
