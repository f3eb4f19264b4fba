//! The operator's log on the chain: the newest manifest's digest in its commitment slot.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::beacon::OperatorKey;
use crate::chain::{Chain, ChainError, CommitmentData};
use crate::domain::{BlockNumber, CycleId, Digest, Netuid, printable};
use crate::store::{Store, StoreError};
use crate::transcript::log_commitment;

/// Longest pause between two looks or tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// How long the last digest is tried after the last cycle: a chain that works makes it final in a minute.
const LAST_WAIT: Duration = Duration::from_secs(180);
/// Longest time that the log needs after the last cycle: the wait, and a transaction sent at its end whose block is waited for.
pub(super) const LONGEST_END: Duration = Duration::from_secs(15 * 60);

/// Keeps the newest published manifest's digest in the operator's slot. What is owed follows from store and chain, so
/// that a restart forgets nothing; an older digest is never written.
pub(super) struct DigestLog {
    chain: Arc<dyn Chain>,
    store: Arc<dyn Store>,
    key: Arc<OperatorKey>,
    netuid: Netuid,
    first_pause: Duration,
    published: Notify,
}

/// Why a digest does not stand yet.
#[derive(Debug, thiserror::Error)]
enum LogError {
    #[error("chain: {0}")]
    Chain(#[from] ChainError),
    #[error("store: {0}")]
    Store(#[from] StoreError),
}

/// A digest that no final block shows yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owed {
    cycle: CycleId,
    digest: Digest,
    /// The block that was said to hold it.
    written: Option<BlockNumber>,
}

impl DigestLog {
    /// A log of a subnet. After each look that does not find the digest the next one comes `first_pause` later, then
    /// twice as much, up to five minutes.
    pub(super) fn new(
        chain: Arc<dyn Chain>,
        store: Arc<dyn Store>,
        key: Arc<OperatorKey>,
        netuid: Netuid,
        first_pause: Duration,
    ) -> DigestLog {
        DigestLog { chain, store, key, netuid, first_pause, published: Notify::new() }
    }

    /// Tells that a manifest was published.
    pub(super) fn wake(&self) {
        self.published.notify_one();
    }

    /// Works until `shutdown`; or, once all cycles have `ended`, until a block holds the last digest or three minutes
    /// are over.
    pub(super) async fn keep(&self, shutdown: &CancellationToken, ended: &CancellationToken) {
        let too_late = async {
            ended.cancelled().await;
            tokio::time::sleep(LAST_WAIT).await;
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.work(ended) => {}
            () = too_late => {
                tracing::error!("the newest manifest's digest is not on the chain; the next scheduler writes it");
            }
        }
    }

    async fn work(&self, ended: &CancellationToken) {
        let mut owed = None;
        let mut pause = self.first_pause;
        loop {
            let step = self.step(&mut owed).await;
            metrics::gauge!("kinitro_log_owed").set(if owed.is_some() { 1.0 } else { 0.0 });
            if let Err(error) = &step {
                let cycle = owed.map(|owed: Owed| owed.cycle.0);
                let error = printable(&error.to_string(), 400);
                tracing::warn!(cycle, %error, again_in = ?pause, "the manifest's digest is not on the chain yet");
            }
            let waits = step.is_err() || owed.is_some();
            let unwritten = step.is_err() || owed.is_some_and(|owed| owed.written.is_none());
            if ended.is_cancelled() && !unwritten {
                return;
            }
            tokio::select! {
                () = ended.cancelled(), if !ended.is_cancelled() => {}
                () = self.published.notified() => pause = self.first_pause,
                () = tokio::time::sleep(pause), if waits => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    /// Looks at the slot and writes what it lacks; `owed` is left empty once a final block shows the newest digest.
    async fn step(&self, owed: &mut Option<Owed>) -> Result<(), LogError> {
        let Some((cycle, digest)) = self.store.newest_manifest().await? else {
            *owed = None;
            return Ok(());
        };
        let mut now = owed.filter(|owed| owed.digest == digest).unwrap_or(Owed { cycle, digest, written: None });
        *owed = Some(now);
        let text = log_commitment(cycle, &digest);
        let head = self.chain.finalized_head().await?;
        let slots = self.chain.commitments_at(self.netuid, &head).await?;
        let own = slots.into_iter().find(|slot| slot.hotkey == self.key.hotkey());
        if own.is_some_and(|slot| slot.data == CommitmentData::Bytes(text.clone().into_bytes())) {
            tracing::info!(%cycle, manifest = %digest, block = %head.number, "the manifest's digest is on the chain");
            *owed = None;
            return Ok(());
        }
        match now.written {
            Some(block) if head.number < block => return Ok(()),
            Some(block) => tracing::warn!(%cycle, %block, "the manifest's digest was dropped or overwritten"),
            None => {}
        }
        now.written = None;
        *owed = Some(now);
        let receipt = self.chain.set_commitment(&self.key, self.netuid, text.as_bytes()).await?;
        now.written = Some(receipt.block);
        *owed = Some(now);
        Ok(())
    }
}
