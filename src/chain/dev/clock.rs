//! Where the head is: a base block at a base time, and a block each `block_time_ms` since.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Transaction, params};

use super::super::ChainError;
use super::file_error;
use crate::domain::BlockNumber;

/// Milliseconds since 1970, which all processes that share a chain agree on.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

struct Clock {
    base_block: u64,
    base_ms: i64,
    block_time_ms: u64,
    finality_lag: u64,
    stalled: bool,
}

impl Clock {
    fn read(transaction: &Transaction) -> Result<Clock, ChainError> {
        let sql = "SELECT base_block, base_ms, block_time_ms, finality_lag, stalled FROM chain";
        let clock = transaction.query_row(sql, [], |row| {
            Ok(Clock {
                base_block: row.get(0)?,
                base_ms: row.get(1)?,
                block_time_ms: row.get(2)?,
                finality_lag: row.get(3)?,
                stalled: row.get(4)?,
            })
        });
        clock.map_err(file_error)
    }

    fn head(&self, now_ms: i64) -> u64 {
        let elapsed_ms = now_ms.saturating_sub(self.base_ms).max(0) as u64;
        let made = if self.stalled { 0 } else { elapsed_ms.checked_div(self.block_time_ms).unwrap_or(0) };
        self.base_block + made
    }

    /// Takes the present head as the base, so that a changed pace changes nothing behind it.
    fn rebase(&mut self, now_ms: i64) {
        self.base_block = self.head(now_ms);
        self.base_ms = now_ms;
    }

    /// An unchanged pace changes nothing: who opens the chain often must not take away the block that has begun.
    fn set_pace(&mut self, now_ms: i64, block_time_ms: u64, finality_lag: u64) {
        let is_new = self.head(now_ms) == 0;
        self.finality_lag = if is_new { finality_lag } else { finality_lag.min(self.finality_lag) };
        if block_time_ms != self.block_time_ms {
            self.rebase(now_ms);
            self.block_time_ms = block_time_ms;
        }
    }

    fn write(&self, transaction: &Transaction) -> Result<(), ChainError> {
        let sql = "UPDATE chain SET base_block = ?1, base_ms = ?2, block_time_ms = ?3, finality_lag = ?4, stalled = ?5";
        let values = params![self.base_block, self.base_ms, self.block_time_ms, self.finality_lag, self.stalled];
        transaction.execute(sql, values).map(drop).map_err(file_error)
    }
}

/// Time from block to block; zero where blocks come by hand.
pub(super) fn block_time(transaction: &Transaction) -> Result<Duration, ChainError> {
    Ok(Duration::from_millis(Clock::read(transaction)?.block_time_ms))
}

/// The newest block.
pub(super) fn head(transaction: &Transaction) -> Result<BlockNumber, ChainError> {
    Ok(BlockNumber(Clock::read(transaction)?.head(now_ms())))
}

/// The newest final block.
pub(super) fn finalized(transaction: &Transaction) -> Result<BlockNumber, ChainError> {
    let clock = Clock::read(transaction)?;
    Ok(BlockNumber(clock.head(now_ms()).saturating_sub(clock.finality_lag)))
}

/// Sets block time and finality lag from now on. The lag of a running chain never grows: a block that was final stays so.
pub(super) fn set_pace(transaction: &Transaction, block_time_ms: u64, finality_lag: u64) -> Result<(), ChainError> {
    let mut clock = Clock::read(transaction)?;
    clock.set_pace(now_ms(), block_time_ms, finality_lag);
    clock.write(transaction)
}

/// Makes blocks at once, also on a stalled chain.
pub(super) fn advance(transaction: &Transaction, blocks: u64) -> Result<(), ChainError> {
    let mut clock = Clock::read(transaction)?;
    clock.base_block += blocks;
    clock.write(transaction)
}

/// No more blocks until [`resume`].
pub(super) fn stall(transaction: &Transaction) -> Result<(), ChainError> {
    set_stalled(transaction, true)
}

/// Blocks again from the present head.
pub(super) fn resume(transaction: &Transaction) -> Result<(), ChainError> {
    set_stalled(transaction, false)
}

fn set_stalled(transaction: &Transaction, stalled: bool) -> Result<(), ChainError> {
    let mut clock = Clock::read(transaction)?;
    clock.rebase(now_ms());
    clock.stalled = stalled;
    clock.write(transaction)
}

#[cfg(test)]
mod tests {
    use super::Clock;

    #[test]
    fn blocks_come_with_time_and_a_clock_set_back_takes_none_away_from_the_base() {
        let clock = Clock { base_block: 10, base_ms: 5_000, block_time_ms: 250, finality_lag: 2, stalled: false };
        assert_eq!(clock.head(5_000), 10);
        assert_eq!(clock.head(5_999), 13);
        assert_eq!(clock.head(6_000), 14);
        assert_eq!(clock.head(1_000), 10);
    }

    #[test]
    fn a_changed_pace_keeps_the_blocks_that_are_made_and_an_unchanged_one_the_block_that_has_begun() {
        let running = Clock { base_block: 10, base_ms: 5_000, block_time_ms: 250, finality_lag: 2, stalled: false };
        let paced = |block_time_ms, finality_lag| {
            let mut clock = Clock { ..running };
            for now in [5_200, 5_240] {
                clock.set_pace(now, block_time_ms, finality_lag);
            }
            clock
        };
        assert_eq!((paced(250, 2).head(5_250), paced(250, 2).head(5_499)), (11, 11));
        assert_eq!((paced(1_000, 2).head(6_199), paced(1_000, 2).head(6_200)), (10, 11));
        assert_eq!((paced(250, 9).finality_lag, paced(250, 1).finality_lag), (2, 1));
    }

    #[test]
    fn without_a_block_time_only_advancing_makes_blocks() {
        let clock = Clock { base_block: 10, base_ms: 5_000, block_time_ms: 0, finality_lag: 2, stalled: false };
        assert_eq!(clock.head(i64::MAX), 10);
    }
}
