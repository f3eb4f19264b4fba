//! When the chain opens weights that are committed now.
//!
//! The rules are subtensor's (`run_coinbase`, `reveal_crv3_commits`): weights are opened in the first block whose epoch
//! is the commit's plus the reveal period.

use std::time::Duration;

use super::super::ChainError;
use super::runtime::unreadable;

/// Longest epoch that a subnet may have; an epoch that is overdue for longer runs at once.
const MAX_TEMPO: u64 = 50_400;
/// Blocks after the first possible one at which the round is aimed, so that the chain has it by then.
const MARGIN_BLOCKS: u64 = 3;
/// Longest reveal period that is believed, in epochs. Subnets have one to a hundred.
const MAX_REVEAL_PERIOD_EPOCHS: u64 = 1_000;
/// Largest number of a block or an epoch that is believed: 400,000 years of blocks.
const MAX_NUMBER: u64 = 1 << 40;
/// Times from block to block that are believed, in seconds. Local networks have a quarter of a second.
const BLOCK_TIMES_S: std::ops::RangeInclusive<f64> = 0.01..=600.0;
/// How far the clock and the chain's newest block may be apart: ten blocks.
const MAX_CLOCK_DIFFERENCE_S: u64 = 120;
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

    /// The first block that opens weights whose commit goes into the block after `newest`. All numbers are a node's, so
    /// they are bounded first.
    pub(super) fn reveal_block(&self, newest: u64, reveal_period_epochs: u64) -> Result<u64, ChainError> {
        if reveal_period_epochs > MAX_REVEAL_PERIOD_EPOCHS {
            return Err(unreadable(format!(
                "a reveal period of {reveal_period_epochs} epochs, and at most {MAX_REVEAL_PERIOD_EPOCHS} are believed"
            )));
        }
        self.check(newest)?;
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

impl Epochs {
    /// Refuses numbers that no chain reaches.
    fn check(&self, newest: u64) -> Result<(), ChainError> {
        let own = match *self {
            Epochs::Fixed { .. } => [0; 4],
            Epochs::Stateful { last_epoch_block, pending_epoch_at, index, blocks_since_last_step, .. } => {
                [last_epoch_block, pending_epoch_at, index, blocks_since_last_step]
            }
        };
        match own.into_iter().chain([newest]).find(|number| *number > MAX_NUMBER) {
            Some(number) => Err(unreadable(format!("block or epoch {number}, which no chain reaches"))),
            None => Ok(()),
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
        self.index.saturating_add(self.is_due(block).into())
    }

    fn pass(&mut self, block: u64) {
        self.since += 1;
        if self.is_due(block) {
            *self = Clock { last: block, pending: 0, index: self.index + 1, since: 0, ..*self };
        }
    }
}

/// Refuses a clock that is far from the time of the chain's newest block, where the chain tells it. Both are counted
/// from 1970.
pub(super) fn check_clock(clock: Duration, chain_ms: Option<u64>) -> Result<(), ChainError> {
    let Some(chain_ms) = chain_ms else { return Ok(()) };
    let seconds = clock.abs_diff(Duration::from_millis(chain_ms)).as_secs();
    if seconds > MAX_CLOCK_DIFFERENCE_S { Err(ChainError::ClocksApart { seconds }) } else { Ok(()) }
}

/// The round of drand's quicknet that comes when block `reveal` does. `now_s` is the time since 1970 at block `newest`.
pub(super) fn round(newest: u64, reveal: u64, block_time_s: f64, now_s: f64) -> Result<u64, ChainError> {
    if !BLOCK_TIMES_S.contains(&block_time_s) {
        return Err(unreadable(format!("a time of {block_time_s} s from block to block")));
    }
    let blocks = reveal.saturating_add(MARGIN_BLOCKS).saturating_sub(newest);
    let time_s = now_s + blocks as f64 * block_time_s;
    // A negative number becomes 0.
    Ok((((time_s - ROUND_0_S) / ROUND_S) as u64).max(1))
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
        assert_eq!(round(100, 100, 12.0, ROUND_0_S), Ok(12));
        assert_eq!(round(100, 160, 12.0, ROUND_0_S + 300.0), Ok(352));
        assert_eq!(round(100, 160, 0.25, ROUND_0_S), Ok(5));
        assert_eq!(round(100, 100, 12.0, 0.0), Ok(1));
        for block_time_s in [0.0, -1.0, 601.0, f64::NAN, u64::MAX as f64] {
            assert!(round(100, 100, block_time_s, ROUND_0_S).is_err(), "{block_time_s}");
        }
        assert!(round(0, u64::MAX, 12.0, ROUND_0_S).is_ok());
    }

    #[test]
    fn numbers_that_no_chain_reaches_are_refused() {
        for period in [1_001, u64::MAX] {
            for epochs in [stateful(50, 10, 0), Epochs::Fixed { tempo: 99, netuid: 1 }] {
                let error = epochs.reveal_block(10, period).unwrap_err().to_string();
                assert!(error.contains(&format!("a reveal period of {period} epochs")), "{error}");
            }
        }
        assert_eq!(Epochs::Fixed { tempo: 99, netuid: 1 }.reveal_block(96, 1_000), Ok(99_998));
        assert_eq!(stateful(50, 10, 0).reveal_block(10, 1_000), Ok(50_010));
        let huge = |newest, last_epoch_block, pending_epoch_at, index, blocks_since_last_step| {
            let epochs =
                Epochs::Stateful { tempo: 9, last_epoch_block, pending_epoch_at, index, blocks_since_last_step };
            epochs.reveal_block(newest, 1).is_err()
        };
        let (max, large) = (u64::MAX, MAX_NUMBER + 1);
        assert!(huge(max, 0, 0, 0, 0) && huge(9, large, 0, 0, 0) && huge(9, 0, large, 0, 0));
        assert!(huge(9, 0, 0, max, 0) && huge(9, 0, 0, 0, max) && !huge(9, 0, 0, MAX_NUMBER, MAX_NUMBER));
        assert!(Epochs::Fixed { tempo: 9, netuid: u16::MAX }.reveal_block(max, 1).is_err());
    }

    #[test]
    fn a_clock_far_from_the_chains_is_refused() {
        let check = |clock_s, chain_s: u64| check_clock(Duration::from_secs(clock_s), Some(chain_s * 1_000));
        assert_eq!(check(1_000, 1_120), Ok(()));
        assert_eq!(check(1_120, 1_000), Ok(()));
        assert_eq!(check(1_000, 1_121), Err(ChainError::ClocksApart { seconds: 121 }));
        assert_eq!(check(5_000, 1_000), Err(ChainError::ClocksApart { seconds: 4_000 }));
        assert_eq!(check_clock(Duration::ZERO, None), Ok(()), "not every runtime tells its time");
        assert!(check_clock(Duration::ZERO, Some(u64::MAX)).is_err());
        let told = ChainError::ClocksApart { seconds: 121 };
        assert!(told.to_string().contains("set the clock") && told.is_temporary());
    }
}
