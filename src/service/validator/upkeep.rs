//! What is to be done without a new cycle: commits are revealed in their time, and weights are sent again before the chain
//! stops counting them. It needs no server of the operator's.

use super::payment::Subnet;
use super::sent::{Sent, Standing};
use super::{Payment, Round, Validator, ValidatorError, Verdict};
use crate::chain::ChainError;

impl Validator {
    /// Reveals what is due, and sends the newest true cycle's weights again where they are old or lost, or were never sent.
    ///
    /// # Errors
    /// [`ValidatorError`], once everything was tried; the next look tries again.
    pub async fn upkeep(&self) -> Result<Option<Round>, ValidatorError> {
        if self.options.dry_run {
            return Ok(None);
        }
        match self.reveal().await {
            Ok(None) => self.refresh().await,
            Ok(revealed) => Ok(revealed),
            // What cannot be revealed must not keep weights from being sent.
            Err(error) => match self.refresh().await? {
                Some(round) => Ok(Some(round)),
                None => Err(error),
            },
        }
    }

    async fn refresh(&self) -> Result<Option<Round>, ValidatorError> {
        let (earned, operator, done) = {
            let memory = self.memory();
            (memory.earned().cloned(), memory.operator(), memory.done())
        };
        let Some(earned) = earned.filter(|earned| earned.nobody.is_none() && self.accepts(earned.verdict)) else {
            return Ok(None);
        };
        if self.operator().await?.ok() != operator {
            return Ok(None);
        }
        let subnet = self.subnet().await?;
        let is_old = |block| subnet.calls_old(block, self.options.refresh_after_blocks);
        let standing = self.memory().newest_sent().map(|sent| sent.standing(subnet.last_update, subnet.head.number));
        let is_owed = match standing {
            Some(Standing::UnderWay(_)) => false,
            Some(Standing::Absent) => true,
            Some(Standing::Landed(block)) => is_old(block) || done < Some(earned.cycle),
            None => subnet.last_update.is_none_or(is_old) || done < Some(earned.cycle),
        };
        if !is_owed {
            return Ok(None);
        }
        let round = self.pay(&earned).await?;
        self.remember(|memory| {
            let is_of_today = memory.earned() == Some(&earned);
            round.finished().filter(|_| is_of_today).into_iter().for_each(|cycle| memory.finish(cycle));
        })?;
        Ok(Some(round).filter(|round| matches!(round, Round::Paid { payment: Payment::Sent { .. }, .. })))
    }

    /// Opens the newest commit whose epoch has come; older ones go with it.
    async fn reveal(&self) -> Result<Option<Round>, ValidatorError> {
        let _turn = self.turn.lock().await;
        let unrevealed = self.memory().unrevealed();
        if unrevealed.is_empty() {
            return Ok(None);
        }
        let subnet = self.subnet().await?;
        let mut failed = None;
        for sent in unrevealed.iter().rev() {
            match self.open_commit(sent, &subnet).await {
                Ok(None) => {}
                Ok(round) => return Ok(round),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    async fn open_commit(&self, sent: &Sent, subnet: &Subnet) -> Result<Option<Round>, ValidatorError> {
        let head = subnet.head.number;
        if !matches!(sent.standing(subnet.last_update, head), Standing::Landed(_)) {
            return Ok(None);
        }
        let opened = self.chain.reveal_weights(&self.key, self.options.netuid, sent.submission()).await;
        if opened.as_ref().is_err_and(ChainError::is_of_unknown_fate) {
            self.remember(|memory| memory.touch(sent, |sent| sent.try_to_open(head)))?;
        }
        match opened {
            Ok(receipt) => {
                self.remember(|memory| memory.touch(sent, Sent::is_open))?;
                return Ok(Some(Round::Revealed { cycle: sent.cycle(), block: receipt.block }));
            }
            // What has an epoch for its reveal is a hash.
            Err(ChainError::NotInRevealRange) => self.remember(|memory| memory.touch(sent, Sent::is_hashed))?,
            Err(ChainError::CommitNotFound) if self.shows(sent.submission(), subnet).await? => {
                // A block took the reveal although its answer was lost.
                self.remember(|memory| memory.touch(sent, Sent::is_open))?;
            }
            Err(ChainError::CommitNotFound) if sent.is_untried() => {
                // A block that is not final yet may hold a reveal that was broken off.
                self.remember(|memory| memory.touch(sent, |sent| sent.try_to_open(head)))?;
            }
            Err(ChainError::CommitNotFound) if sent.reveal_is_under_way(head) => {}
            Err(ChainError::CommitNotFound) if sent.has_unknown_form() => {
                // It went to the chain locked, and needs no reveal.
                self.remember(|memory| memory.touch(sent, Sent::is_open))?;
            }
            Err(
                error @ (ChainError::CommitNotFound
                | ChainError::UidChangedHands { .. }
                | ChainError::CommitRevealDisabled(_)),
            ) => {
                tracing::warn!(cycle = %sent.cycle(), %error, "committed weights will never be open");
                self.remember(|memory| memory.touch(sent, Sent::fail))?;
            }
            Err(error) => return Err(error.into()),
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
