//! Sends a transaction and waits for the final block that holds it.

use std::sync::Arc;
use std::time::Duration;

use subxt::config::substrate::H256;
use subxt::rpcs::client::RpcSubscription;
use subxt::rpcs::methods::legacy::TransactionStatus;
use subxt::utils::AccountId32;
use tokio::time::Instant;

use super::super::ChainError;
use super::link::{Failure, Link};
use super::outcome::Ended;
use super::refusal::{self, Refusal};
use super::signing::{Payload, call_data, sign};
use super::under_way::Sent;
use super::{NodeChain, block_of};
use crate::beacon::OperatorKey;
use crate::domain::{BlockNumber, BlockRef};

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
    /// Signs and sends a call, and waits until the block that holds it is final.
    pub(super) async fn send(&self, signer: &OperatorKey, payload: &Payload) -> Result<BlockNumber, Unsent> {
        let turn = self.turn_of(signer.hotkey());
        let _turn = turn.lock().await;
        let mut refused = Refusal::NonceTaken;
        for _ in 0..ATTEMPTS {
            match self.send_once(signer, payload).await {
                Err(Unsent::Refused(Refusal::NonceTaken)) => refused = Refusal::NonceTaken,
                other => return other,
            }
        }
        Err(Unsent::Refused(refused))
    }

    async fn send_once(&self, signer: &OperatorKey, payload: &Payload) -> Result<BlockNumber, Unsent> {
        let (link, head) = self.head().await?;
        let state = self.state(&link, head).await?;
        let hotkey = signer.hotkey();
        let call = call_data(&state.runtime, payload)?;
        if let Some(block) = self.settle(&link, head, hotkey, &call).await? {
            return Ok(block);
        }
        let account = AccountId32(hotkey.0);
        let nonce = link.answer(link.rpc().system_account_next_index(&account)).await?;
        let bytes = sign(&state.runtime, payload, signer, nonce, head)?;
        // Remembered before it is sent: whoever waits for it may give up at any time.
        self.under_way.begin(hotkey, Sent { bytes: bytes.clone(), call, nonce, birth: head.number });
        let outcome = self.submit(&link, &bytes).await;
        if is_known(&outcome) {
            self.under_way.end(&hotkey);
        }
        outcome
    }

    /// Sends a transaction and waits for the final block that holds it.
    async fn submit(&self, link: &Arc<Link>, transaction: &[u8]) -> Result<BlockNumber, Unsent> {
        let watch = link.answer(link.rpc().author_submit_and_watch_extrinsic(transaction)).await;
        let statuses = match watch {
            Ok(statuses) => statuses,
            Err(failure) => return Err(not_opened(failure)),
        };
        let settings = self.connector.settings();
        let ended = async {
            let hash = final_block(link, statuses, settings.inclusion_timeout, settings.finality_timeout).await?;
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

/// Waits for the final block that holds the transaction: so long for a block, and so long until that block is final. A
/// block that a fork drops is waited for anew. What one pool thinks of a transaction that went out binds no block: other
/// nodes have it too.
async fn final_block(
    link: &Link,
    mut statuses: RpcSubscription<TransactionStatus<H256>>,
    inclusion: Duration,
    finality: Duration,
) -> Result<H256, Unsent> {
    let unknown = |why: &str| Err(fate_unknown(format!("{} {why}", link.address())).into());
    let mut held = None;
    let mut until = Instant::now() + inclusion;
    loop {
        let status = match tokio::time::timeout_at(until, statuses.next()).await {
            Ok(Some(status)) => status.map_err(|error| link.failure(error))?,
            Ok(None) => return Err(link.lose("the connection ended while a transaction was under way").into()),
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
