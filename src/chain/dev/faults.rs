//! Things that go wrong on demand.

use super::super::ChainError;

/// What can be made to go wrong on a development chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DevFault {
    /// No more blocks, for every process that shares the chain.
    Stall,
    /// Blocks again, from where they stopped.
    Resume,
    /// The blocks that are not final yet are replaced by empty ones: what was written in them is lost.
    Fork,
    /// The next calls of this handle and its clones fail as if the socket had dropped.
    Disconnect {
        /// How many.
        calls: u32,
    },
    /// The next writes of this handle and its clones are refused for coming too often.
    RateLimit {
        /// How many.
        calls: u32,
    },
}

/// Failures that are still to be delivered.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) disconnected_calls: u32,
    pub(super) rate_limited_writes: u32,
}

impl Pending {
    /// Called at the beginning of every call.
    pub(super) fn on_call(&mut self) -> Result<(), ChainError> {
        if take_one(&mut self.disconnected_calls) {
            return Err(ChainError::Disconnected("the socket was closed".into()));
        }
        Ok(())
    }

    /// Called at the beginning of every write.
    pub(super) fn on_write(&mut self) -> Result<(), ChainError> {
        if take_one(&mut self.rate_limited_writes) {
            return Err(ChainError::RateLimited { blocks_left: 1 });
        }
        Ok(())
    }
}

fn take_one(left: &mut u32) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}
