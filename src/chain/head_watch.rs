//! Notices a chain that stands still.

use std::time::{Duration, Instant};

use super::ChainError;
use crate::domain::BlockNumber;

/// Remembers when the finalized head last moved.
#[derive(Debug)]
pub struct HeadWatch {
    patience: Duration,
    last: Option<(BlockNumber, Instant)>,
}

impl HeadWatch {
    /// A watch that calls a head stalled once it has not moved for `patience`.
    pub fn new(patience: Duration) -> HeadWatch {
        HeadWatch { patience, last: None }
    }

    /// Begins anew at a head, for what was remembered turned out to be no head of the chain.
    pub(super) fn reset(&mut self, head: BlockNumber, now: Instant) {
        self.last = Some((head, now));
    }

    /// Takes note of the finalized head as it was read at `now`.
    ///
    /// # Errors
    /// [`ChainError::Stalled`] when it has stood for longer than the patience. A head that goes back counts as
    /// standing: an endpoint behind another one has nothing new to say.
    pub fn observe(&mut self, head: BlockNumber, now: Instant) -> Result<(), ChainError> {
        match self.last {
            Some((block, since)) if head <= block => {
                let stood = now.saturating_duration_since(since);
                if stood > self.patience {
                    return Err(ChainError::Stalled { block, seconds: stood.as_secs() });
                }
            }
            _ => self.last = Some((head, now)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_stands_is_called_stalled_until_it_moves() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut watch = HeadWatch::new(Duration::from_secs(60));
        assert_eq!(watch.observe(BlockNumber(7), at(0)), Ok(()));
        assert_eq!(watch.observe(BlockNumber(7), at(60)), Ok(()));
        let stalled = ChainError::Stalled { block: BlockNumber(7), seconds: 61 };
        assert_eq!(watch.observe(BlockNumber(7), at(61)), Err(stalled.clone()));
        assert_eq!(watch.observe(BlockNumber(5), at(61)), Err(stalled));
        assert_eq!(watch.observe(BlockNumber(8), at(62)), Ok(()));
        assert_eq!(watch.observe(BlockNumber(8), at(100)), Ok(()));
    }
}
