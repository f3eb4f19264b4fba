//! The development chain as a [`Chain`].

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::Transaction;

use super::super::{
    Chain, ChainError, ChainFuture, Hyperparameters, Neuron, RawCommitment, Receipt, WeightSubmission, WeightsForm,
    WeightsReceipt, checks,
};
use super::view::hash_of;
use super::{DevChain, Shared, clock, commits, reads, writes};
use crate::beacon::OperatorKey;
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid, Uid};

/// Longest wait until a write is final.
const FINALITY_TIMEOUT: Duration = Duration::from_secs(120);
/// Shortest and longest time between two looks at the chain's clock.
const SHORTEST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_LOOK: Duration = Duration::from_millis(100);

impl DevChain {
    /// Answers on a thread for blocking work: another process may hold the file for a moment.
    fn call<T, F>(&self, work: F) -> ChainFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T, ChainError> + Send + 'static,
    {
        let shared = self.shared.clone();
        Box::pin(async move {
            shared.pending().on_call()?;
            let joined = tokio::task::spawn_blocking(move || work(&shared)).await;
            joined.unwrap_or_else(|error| Err(ChainError::File(format!("a call broke off ({error})"))))
        })
    }

    /// Waits until the block that a write went into is final. Where blocks come by hand nobody would make the blocks that
    /// it waits for, so there it does not wait.
    async fn until_final(&self, signer: Hotkey, netuid: Netuid, block: BlockNumber) -> Result<(), ChainError> {
        let began = tokio::time::Instant::now();
        loop {
            let shared = self.shared.clone();
            let look = move || {
                shared.read(|transaction| {
                    let stands = writes::stands(transaction, signer, netuid, block)?;
                    Ok((clock::finalized(transaction)?, clock::block_time(transaction)?, stands))
                })
            };
            let joined = tokio::task::spawn_blocking(look).await;
            let (finalized, block_time, stands) =
                joined.unwrap_or_else(|error| Err(ChainError::File(format!("a call broke off ({error})"))))?;
            let seconds = began.elapsed().as_secs();
            if !stands {
                return Err(ChainError::NotIncluded { seconds });
            }
            if finalized >= block || block_time.is_zero() {
                return Ok(());
            }
            if began.elapsed() > FINALITY_TIMEOUT {
                return Err(ChainError::NotFinal { block, seconds });
            }
            tokio::time::sleep((block_time / 4).clamp(SHORTEST_LOOK, LONGEST_LOOK)).await;
        }
    }

    fn read_at<T, F>(&self, at: BlockRef, work: F) -> ChainFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction) -> Result<T, ChainError> + Send + 'static,
    {
        self.call(move |shared| {
            shared.read(|transaction| {
                shared.check_final(transaction, at.number)?;
                if hash_of(&shared.genesis, at.number) != at.hash {
                    return Err(ChainError::UnknownBlock(at));
                }
                work(transaction)
            })
        })
    }
}

impl Shared {
    /// Writes a commitment into the next block.
    pub(super) fn commit(&self, signer: Hotkey, netuid: Netuid, data: &[u8]) -> Result<BlockNumber, ChainError> {
        self.pending().on_write()?;
        self.write(|transaction| writes::commit(transaction, signer, netuid, data))
    }

    /// Sets weights in the next block.
    pub(super) fn set_weights(
        &self,
        signer: Hotkey,
        netuid: Netuid,
        weights: &WeightSubmission,
    ) -> Result<BlockNumber, ChainError> {
        self.pending().on_write()?;
        self.write(|transaction| writes::set_weights(transaction, signer, netuid, weights))
    }

    /// Takes a hash of weights into the next block.
    pub(super) fn commit_hash(
        &self,
        signer: Hotkey,
        netuid: Netuid,
        hash: [u8; 32],
    ) -> Result<BlockNumber, ChainError> {
        self.pending().on_write()?;
        self.write(|transaction| commits::commit_hash(transaction, signer, netuid, hash))
    }

    /// Takes locked weights that nobody here can open into the next block.
    pub(super) fn commit_locked(&self, signer: Hotkey, netuid: Netuid) -> Result<BlockNumber, ChainError> {
        self.pending().on_write()?;
        self.write(|transaction| commits::commit_locked(transaction, signer, netuid, None))
    }

    /// Reveals weights in the next block.
    pub(super) fn reveal(
        &self,
        signer: Hotkey,
        netuid: Netuid,
        weights: &WeightSubmission,
    ) -> Result<BlockNumber, ChainError> {
        self.pending().on_write()?;
        self.write(|transaction| commits::reveal(transaction, signer, netuid, weights))
    }

    fn check_final(&self, transaction: &Transaction, asked: BlockNumber) -> Result<(), ChainError> {
        let finalized = clock::finalized(transaction)?;
        if asked > finalized {
            return Err(ChainError::NotFinalized { asked, finalized });
        }
        Ok(())
    }
}

impl Chain for DevChain {
    fn network(&self) -> &str {
        &self.shared.name
    }

    fn genesis(&self) -> BlockHash {
        self.shared.genesis
    }

    fn finalized_head(&self) -> ChainFuture<'_, BlockRef> {
        self.call(|shared| {
            let number = shared.read(clock::finalized)?;
            Ok(BlockRef { number, hash: hash_of(&shared.genesis, number) })
        })
    }

    fn block_hash(&self, number: BlockNumber) -> ChainFuture<'_, BlockHash> {
        self.call(move |shared| {
            shared.read(|transaction| shared.check_final(transaction, number))?;
            Ok(hash_of(&shared.genesis, number))
        })
    }

    fn time_at<'a>(&'a self, _: &'a BlockRef) -> ChainFuture<'a, Option<Timestamp>> {
        Box::pin(async { Ok(None) })
    }

    fn neurons_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Vec<Neuron>> {
        let number = at.number;
        self.read_at(*at, move |transaction| {
            reads::rules(transaction, netuid)?;
            reads::neurons(transaction, netuid, number)
        })
    }

    fn commitments_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Vec<RawCommitment>> {
        let number = at.number;
        self.read_at(*at, move |transaction| {
            reads::rules(transaction, netuid)?;
            reads::commitments(transaction, netuid, number)
        })
    }

    fn hyperparameters_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Hyperparameters> {
        self.read_at(*at, move |transaction| reads::rules(transaction, netuid))
    }

    fn owner_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Option<Hotkey>> {
        let number = at.number;
        self.read_at(*at, move |transaction| {
            reads::rules(transaction, netuid)?;
            reads::owner(transaction, netuid, number)
        })
    }

    fn weights_at<'a>(&'a self, netuid: Netuid, uid: Uid, at: &'a BlockRef) -> ChainFuture<'a, Vec<(Uid, u16)>> {
        let number = at.number;
        self.read_at(*at, move |transaction| {
            reads::rules(transaction, netuid)?;
            reads::weights(transaction, netuid, uid, number)
        })
    }

    fn set_commitment<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        data: &'a [u8],
    ) -> ChainFuture<'a, Receipt> {
        let (signer, data) = (signer.hotkey(), data.to_vec());
        Box::pin(async move {
            let block = self.call(move |shared| shared.commit(signer, netuid, &data)).await?;
            self.until_final(signer, netuid, block).await?;
            Ok(Receipt { block })
        })
    }

    fn submit_weights<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        weights: &'a WeightSubmission,
    ) -> ChainFuture<'a, WeightsReceipt> {
        let (signer, weights) = (signer.hotkey(), weights.clone());
        let sent = self.call(move |shared| {
            shared.pending().on_write()?;
            shared.write(|transaction| {
                let rules = writes::check_weights(transaction, signer, netuid, &weights)?;
                let (form, block) = match rules.commit_reveal_weights_enabled {
                    false => (WeightsForm::Plain, writes::set_weights(transaction, signer, netuid, &weights)?),
                    true => {
                        let opened = Some(&weights);
                        (WeightsForm::Timelocked, commits::commit_locked(transaction, signer, netuid, opened)?)
                    }
                };
                Ok(WeightsReceipt { block, form })
            })
        });
        Box::pin(async move {
            let receipt = sent.await?;
            self.until_final(signer, netuid, receipt.block).await?;
            Ok(receipt)
        })
    }

    fn reveal_weights<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        weights: &'a WeightSubmission,
    ) -> ChainFuture<'a, Receipt> {
        let (signer, weights) = (signer.hotkey(), weights.clone());
        let sent = self.call(move |shared| {
            shared.read(|transaction| {
                let neurons = reads::neurons(transaction, netuid, writes::next_block(transaction)?)?;
                checks::check_holders(&weights, &neurons)
            })?;
            shared.reveal(signer, netuid, &weights)
        });
        Box::pin(async move {
            let block = sent.await?;
            self.until_final(signer, netuid, block).await?;
            Ok(Receipt { block })
        })
    }
}
