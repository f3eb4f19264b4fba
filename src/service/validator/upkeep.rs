//! What is to be done without a new cycle: commits are revealed in their time, and weights are sent again before the chain
//! stops counting them. It needs no server of the operator's.

use super::sent::Standing;
use super::{Payment, Round, Validator, ValidatorError, Verdict};
use crate::chain::ChainError;

impl Validator {
    /// Reveals what is due, and sends the newest true cycle's weights again where they are old or lost.
    ///
    /// # Errors
    /// [`ValidatorError`]; the next look tries again.
    pub async fn upkeep(&self) -> Result<Option<Round>, ValidatorError> {
        if self.options.dry_run {
            return Ok(None);
        }
        let revealed = self.reveal().await?;
        if revealed.is_some() {
            return Ok(revealed);
        }
        let earned = self.memory().earned().cloned();
        let Some(earned) = earned.filter(|earned| earned.nobody.is_none() && self.accepts(earned.verdict)) else {
            return Ok(None);
        };
        let subnet = self.subnet().await?;
        let standing = self.memory().newest_sent().map(|sent| sent.standing(subnet.last_update, subnet.head.number));
        let is_owed = match standing {
            Some(Standing::UnderWay(_)) => false,
            Some(Standing::Absent) => true,
            Some(Standing::Landed(block)) => subnet.calls_old(block, self.options.refresh_after_blocks),
            None => subnet.last_update.is_none_or(|block| subnet.calls_old(block, self.options.refresh_after_blocks)),
        };
        if !is_owed {
            return Ok(None);
        }
        let round = self.pay(&earned).await?;
        Ok(Some(round).filter(|round| matches!(round, Round::Paid { payment: Payment::Sent { .. }, .. })))
    }

    /// Opens the oldest commit whose epoch has come.
    async fn reveal(&self) -> Result<Option<Round>, ValidatorError> {
        let unrevealed = self.memory().unrevealed();
        if unrevealed.is_empty() {
            return Ok(None);
        }
        let subnet = self.subnet().await?;
        for sent in unrevealed {
            if !matches!(sent.standing(subnet.last_update, subnet.head.number), Standing::Landed(_)) {
                continue;
            }
            match self.chain.reveal_weights(&self.key, self.options.netuid, sent.submission()).await {
                Ok(receipt) => {
                    self.remember(|memory| memory.revealed(&sent))?;
                    return Ok(Some(Round::Revealed { cycle: sent.cycle(), block: receipt.block }));
                }
                Err(ChainError::NotInRevealRange) => {}
                Err(error) if !is_lost(&error) => return Err(error.into()),
                Err(_) if sent.has_unknown_form() => {
                    // It went to the chain in another form, and needs no reveal.
                    self.remember(|memory| memory.revealed(&sent))?;
                }
                Err(error) => {
                    tracing::warn!(cycle = %sent.cycle(), %error, "committed weights cannot be revealed; they are sent anew");
                    self.remember(|memory| memory.lost(&sent))?;
                    let earned = self.memory().earned().cloned();
                    if let Some(earned) = earned.filter(|earned| self.accepts(earned.verdict)) {
                        return self.pay(&earned).await.map(Some);
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether weights may be set after such a verdict.
    pub(super) fn accepts(&self, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Verified => true,
            Verdict::ExceptPictures => self.options.accept_unchecked_pictures,
        }
    }
}

/// Whether a commit will never be opened: it is gone, would pay somebody else, or the subnet takes commits no more.
fn is_lost(error: &ChainError) -> bool {
    matches!(
        error,
        ChainError::CommitNotFound | ChainError::UidChangedHands { .. } | ChainError::CommitRevealDisabled(_)
    )
}
