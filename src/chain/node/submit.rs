//! Sends a transaction and waits for the final block that holds it.

use std::sync::Arc;
use std::time::Duration;

use subxt::config::substrate::H256;
use subxt::rpcs::client::RpcSubscription;
use subxt::rpcs::methods::legacy::TransactionStatus;
use subxt::utils::AccountId32;
use tokio::time::Instant;

use super::super::{ChainError, WeightsForm};
use super::asked::{Asked, Taken};
use super::link::{Failure, Link};
use super::outcome::Ended;
use super::refusal::{self, Refusal};
use super::signing::{MORTAL_BLOCKS, Payload, sign};
use super::under_way::Sent;
use super::{NodeChain, NodeSettings, block_of};
use crate::beacon::OperatorKey;
use crate::domain::{BlockNumber, BlockRef};

/// Longest time between two blocks that a runtime is believed.
const LONGEST_BLOCK_TIME: Duration = Duration::from_secs(60);
/// How often a transaction is made anew because another one took its nonce.
const ATTEMPTS: u32 = 3;

/// Why a transaction is in no block, or failed in it.
pub(super) enum Unsent {
    /// The chain says why.
    Refused(Refusal),
    /// Something else is wrong.
    Error(ChainError),
}

impl Unsent {
    /// The same of a transaction that went out: what is no outcome leaves its fate unknown.
    fn after_sending(self) -> Unsent {
        match self {
            Unsent::Error(error @ (ChainError::NotIncluded { .. } | ChainError::NotFinal { .. })) => error.into(),
            Unsent::Error(error @ ChainError::FateUnknown { .. }) => error.into(),
            Unsent::Error(error) => fate_unknown(error).into(),
            refused => refused,
        }
    }
}

/// The error of a transaction of which something keeps us from learning what became of it.
pub(super) fn fate_unknown(cause: impl ToString) -> ChainError {
    ChainError::FateUnknown { cause: cause.to_string() }
}

/// Why there is nothing to watch: the pool's refusal is certain, and nothing else is.
fn not_opened(failure: Failure) -> Unsent {
    let refusal = match &failure {
        Failure::Refused(error) => refusal::of_pool(error),
        Failure::Lost(_) | Failure::Unreadable(_) => None,
    };
    refusal.map_or_else(|| Unsent::from(failure).after_sending(), Unsent::Refused)
}

impl From<ChainError> for Unsent {
    fn from(error: ChainError) -> Unsent {
        Unsent::Error(error)
    }
}

impl From<Failure> for Unsent {
    fn from(failure: Failure) -> Unsent {
        Unsent::Error(failure.into())
    }
}

impl NodeChain {
    /// Signs and sends what is asked for, and waits until the block that holds it is final. First comes what became of the
    /// hotkey's earlier transaction: when it did the same, the checks of a new one would only say that it is done.
    pub(super) async fn send(&self, signer: &OperatorKey, asked: &Asked) -> Result<Taken, Unsent> {
        let turn = self.turn_of(signer.hotkey());
        let _turn = turn.lock().await;
        let (link, head) = self.head().await?;
        if let Some(taken) = self.settle(&link, head, signer.hotkey(), asked).await? {
            return Ok(taken);
        }
        let (form, payload) = self.prepare(&signer.hotkey(), asked).await?;
        let mut refused = Refusal::NonceTaken;
        for _ in 0..ATTEMPTS {
            match self.send_once(signer, asked, form, &payload).await {
                Err(Unsent::Refused(Refusal::NonceTaken)) => refused = Refusal::NonceTaken,
                other => return other.map(|block| Taken { block, form }),
            }
        }
        Err(Unsent::Refused(refused))
    }

    async fn send_once(
        &self,
        signer: &OperatorKey,
        asked: &Asked,
        form: WeightsForm,
        payload: &Payload,
    ) -> Result<BlockNumber, Unsent> {
        let (link, head) = self.head().await?;
        let state = self.state(&link, head).await?;
        let hotkey = signer.hotkey();
        let account = AccountId32(hotkey.0);
        let nonce = link.answer(link.rpc().system_account_next_index(&account)).await?;
        let bytes = sign(&state.runtime, payload, signer, nonce, head)?;
        // Remembered before it is sent: whoever waits for it may give up at any time.
        let sent = Sent { bytes: bytes.clone(), asked: asked.clone(), form, nonce, birth: head.number };
        self.under_way.begin(hotkey, sent);
        let outcome = self.submit(&link, &bytes, state.runtime.block_time_s()).await;
        if is_known(&outcome) {
            self.under_way.end(&hotkey);
        }
        outcome
    }

    /// Sends a transaction and waits for the final block that holds it.
    async fn submit(&self, link: &Arc<Link>, transaction: &[u8], block_time_s: f64) -> Result<BlockNumber, Unsent> {
        let watch = link.answer(link.rpc().author_submit_and_watch_extrinsic(transaction)).await;
        let statuses = match watch {
            Ok(statuses) => statuses,
            Err(failure) => return Err(not_opened(failure)),
        };
        let patience = Patience::of(self.connector.settings(), block_time_s);
        let ended = async {
            let hash = final_block(link, statuses, patience).await?;
            self.check_outcome(link, hash, transaction).await
        };
        ended.await.map_err(Unsent::after_sending)
    }

    /// Where and how a transaction ended that the block with this hash holds.
    pub(super) async fn check_outcome(
        &self,
        link: &Arc<Link>,
        hash: H256,
        transaction: &[u8],
    ) -> Result<BlockNumber, Unsent> {
        let block = block_of(link, hash).await?;
        let state = self.state(link, block).await?;
        let body = link.answer(link.rpc().chain_get_block(Some(hash))).await?;
        let body = body.ok_or_else(|| ChainError::Unreadable(format!("no body of block {}", block.number)))?;
        let place = body.block.extrinsics.iter().position(|other| other.0 == transaction);
        let place = place.and_then(|place| u32::try_from(place).ok());
        let place = place
            .ok_or_else(|| ChainError::Unreadable(format!("block {} without the transaction it has", block.number)))?;
        match state.ended(place).await? {
            Ended::Well => Ok(block.number),
            Ended::InError(pallet, error) => Err(Unsent::Refused(match state.runtime.error_name(pallet, error) {
                Some((pallet, error)) => refusal::of_dispatch(&pallet, &error),
                None => Refusal::Other(format!("error {error} of pallet {pallet}")),
            })),
            Ended::Otherwise(name) => Err(Unsent::Refused(Refusal::Other(name))),
        }
    }
}

/// Whether it is certain what became of a transaction.
fn is_known(outcome: &Result<BlockNumber, Unsent>) -> bool {
    !matches!(outcome, Err(Unsent::Error(_) | Unsent::Refused(Refusal::AlreadyInPool)))
}

/// How long a transaction is waited for.
#[derive(Clone, Copy)]
struct Patience {
    /// Until a block holds it.
    inclusion: Duration,
    /// Until that block is final.
    finality: Duration,
    /// In all, however often a block takes it and a fork drops it: as long as it lives, and until the last block that may
    /// hold it is final.
    whole: Duration,
}

impl Patience {
    fn of(settings: &NodeSettings, block_time_s: f64) -> Patience {
        let block_time = Duration::try_from_secs_f64(block_time_s).unwrap_or(LONGEST_BLOCK_TIME);
        let life = block_time.min(LONGEST_BLOCK_TIME) * MORTAL_BLOCKS as u32;
        let NodeSettings { inclusion_timeout: inclusion, finality_timeout: finality, .. } = *settings;
        Patience { inclusion, finality, whole: life.max(inclusion) + finality }
    }
}

/// Waits for the final block that holds the transaction. A block that a fork drops is waited for anew. What one pool thinks
/// of a transaction that went out binds no block: other nodes have it too.
async fn final_block(
    link: &Link,
    mut statuses: RpcSubscription<TransactionStatus<H256>>,
    patience: Patience,
) -> Result<H256, Unsent> {
    let unknown = |why: &str| Err(fate_unknown(format!("{} {why}", link.address())).into());
    let Patience { inclusion, finality, whole } = patience;
    let end = Instant::now() + whole;
    let mut held = None;
    let mut until = Instant::now() + inclusion;
    loop {
        // Looked at here too, for statuses that keep coming never let the timer have its turn.
        if Instant::now() >= end {
            return Err(overdue(link, held, whole, whole).await.into());
        }
        let status = match tokio::time::timeout_at(until.min(end), statuses.next()).await {
            Ok(Some(status)) => status.map_err(|error| link.failure(error))?,
            Ok(None) => return Err(link.lose("the connection ended while a transaction was under way").into()),
            Err(_) if until > end => continue,
            Err(_) => return Err(overdue(link, held, inclusion, finality).await.into()),
        };
        match status {
            TransactionStatus::Finalized(hash) => return Ok(hash),
            TransactionStatus::InBlock(hash) => (held, until) = (Some(hash), Instant::now() + finality),
            TransactionStatus::Retracted(_) => (held, until) = (None, Instant::now() + inclusion),
            TransactionStatus::FinalityTimeout(hash) => {
                return Err(overdue(link, Some(hash), inclusion, finality).await.into());
            }
            TransactionStatus::Usurped(_) => return unknown("prefers another transaction with its nonce"),
            TransactionStatus::Dropped => return unknown("dropped it, for its pool is full"),
            TransactionStatus::Invalid => return unknown("calls it invalid now"),
            TransactionStatus::Future | TransactionStatus::Ready | TransactionStatus::Broadcast(_) => {}
        }
    }
}

/// The error of a transaction that is waited for no longer; `held` is the block that held it last.
async fn overdue(link: &Link, held: Option<H256>, inclusion: Duration, finality: Duration) -> ChainError {
    let Some(hash) = held else { return ChainError::NotIncluded { seconds: inclusion.as_secs() } };
    match block_of(link, hash).await {
        Ok(BlockRef { number: block, .. }) => ChainError::NotFinal { block, seconds: finality.as_secs() },
        Err(error) => error,
    }
}
