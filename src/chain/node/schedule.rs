//! When the chain opens weights that are committed now.
//!
//! The rules are subtensor's (`run_coinbase`, `reveal_crv3_commits`): weights are opened in the first block whose epoch
//! is the commit's plus the reveal period.

use super::super::ChainError;

/// Longest epoch that a subnet may have; an epoch that is overdue for longer runs at once.
const MAX_TEMPO: u64 = 50_400;
/// Blocks after the first possible one at which the round is aimed, so that the chain has it by then.
const MARGIN_BLOCKS: u64 = 3;
/// Time of round 0 of drand's quicknet and time between two rounds.
const ROUND_0_S: f64 = 1_692_803_367.0;
const ROUND_S: f64 = 3.0;

/// How a subnet's epochs follow each other, as it stands after a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Epochs {
    /// An epoch runs when it is due, or earlier when the owner asked for it.
    Stateful {
        tempo: u16,
        last_epoch_block: u64,
        /// Block of the epoch that the owner asked for; 0 where there is none.
        pending_epoch_at: u64,
        index: u64,
        blocks_since_last_step: u64,
    },
    /// Epochs of `tempo + 1` blocks, shifted by the subnet's number: older runtimes.
    Fixed { tempo: u16, netuid: u16 },
}

impl Epochs {
    /// The epoch that a block counts as. Epochs with a counter say it of the next block alone.
    pub(super) fn epoch_of(&self, block: u64) -> u64 {
        match *self {
            Epochs::Fixed { tempo, netuid } => block.saturating_add(u64::from(netuid) + 1) / (u64::from(tempo) + 1),
            Epochs::Stateful { tempo, last_epoch_block, pending_epoch_at, index, blocks_since_last_step } => {
                let (last, pending, since) = (last_epoch_block, pending_epoch_at, blocks_since_last_step);
                Clock { tempo: tempo.into(), last, pending, index, since }.index_before(block)
            }
        }
    }

    /// The first block that opens weights whose commit goes into the block after `newest`.
    pub(super) fn reveal_block(&self, newest: u64, reveal_period_epochs: u64) -> Result<u64, ChainError> {
        match *self {
            Epochs::Fixed { tempo, netuid } => {
                let (length, shift) = (u64::from(tempo) + 1, u64::from(netuid) + 1);
                let epoch = (newest + 1 + shift) / length + reveal_period_epochs;
                Ok((epoch * length).saturating_sub(shift))
            }
            Epochs::Stateful { tempo, last_epoch_block, pending_epoch_at, index, blocks_since_last_step } => {
                let mut clock = Clock {
                    tempo: tempo.into(),
                    last: last_epoch_block,
                    pending: pending_epoch_at,
                    index,
                    since: blocks_since_last_step,
                };
                let target = clock.index_before(newest + 1) + reveal_period_epochs;
                let bound = MAX_TEMPO.saturating_mul(reveal_period_epochs.saturating_add(1));
                for block in newest + 1..=newest.saturating_add(bound) {
                    if clock.index_before(block) == target {
                        return Ok(block);
                    }
                    clock.pass(block);
                }
                let why = "the subnet's epochs do not run, so committed weights would never be opened; set its tempo";
                Err(ChainError::Refused(why.into()))
            }
        }
    }
}

/// The state that epochs follow from, block after block.
struct Clock {
    tempo: u64,
    last: u64,
    pending: u64,
    index: u64,
    since: u64,
}

impl Clock {
    fn is_due(&self, block: u64) -> bool {
        let is_asked_for = self.pending > 0 && block >= self.pending;
        let is_overdue = self.since > MAX_TEMPO || block.saturating_sub(self.last) >= self.tempo;
        self.tempo > 0 && (is_asked_for || is_overdue)
    }

    /// The epoch that a block counts as while it opens weights.
    fn index_before(&self, block: u64) -> u64 {
        self.index + u64::from(self.is_due(block))
    }

    fn pass(&mut self, block: u64) {
        self.since += 1;
        if self.is_due(block) {
            *self = Clock { last: block, pending: 0, index: self.index + 1, since: 0, ..*self };
        }
    }
}

/// The round of drand's quicknet that comes when block `reveal` does. `now_s` is the time since 1970 at block `newest`.
pub(super) fn round(newest: u64, reveal: u64, block_time_s: f64, now_s: f64) -> u64 {
    let blocks = (reveal + MARGIN_BLOCKS).saturating_sub(newest);
    let time_s = now_s + blocks as f64 * block_time_s;
    // A negative number becomes 0.
    (((time_s - ROUND_0_S) / ROUND_S) as u64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stateful(tempo: u16, last_epoch_block: u64, pending_epoch_at: u64) -> Epochs {
        Epochs::Stateful { tempo, last_epoch_block, pending_epoch_at, index: 0, blocks_since_last_step: 0 }
    }

    #[test]
    fn weights_are_opened_in_the_epoch_after_the_commits() {
        assert_eq!(stateful(50, 10, 0).reveal_block(10, 1), Ok(60));
        assert_eq!(stateful(50, 10, 0).reveal_block(10, 2), Ok(110));
        assert_eq!(stateful(20, 80, 95).reveal_block(91, 1), Ok(95), "an epoch that was asked for comes earlier");
        // The commit's own block begins the next epoch already.
        assert_eq!(stateful(50, 10, 0).reveal_block(59, 1), Ok(110));
        assert!(stateful(0, 10, 0).reveal_block(10, 1).is_err());
    }

    #[test]
    fn an_epoch_that_is_overdue_runs_at_once() {
        let epochs = Epochs::Stateful {
            tempo: 360,
            last_epoch_block: 1_000,
            pending_epoch_at: 0,
            index: 7,
            blocks_since_last_step: MAX_TEMPO + 1,
        };
        assert_eq!(epochs.reveal_block(1_000, 1), Ok(1_361));
    }

    #[test]
    fn older_runtimes_have_fixed_epochs() {
        let epochs = Epochs::Fixed { tempo: 99, netuid: 1 };
        // Block b is of epoch (b + 2) / 100: blocks 98 to 197 are epoch 1.
        assert_eq!(epochs.reveal_block(96, 1), Ok(98));
        assert_eq!(epochs.reveal_block(97, 1), Ok(198));
        assert_eq!(epochs.reveal_block(196, 2), Ok(298));
    }

    #[test]
    fn rounds_come_every_three_seconds() {
        assert_eq!(round(100, 100, 12.0, ROUND_0_S), 12);
        assert_eq!(round(100, 160, 12.0, ROUND_0_S + 300.0), 352);
        assert_eq!(round(100, 160, 0.25, ROUND_0_S), 5);
        assert_eq!(round(100, 100, 12.0, 0.0), 1);
    }
}
