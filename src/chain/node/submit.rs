//! Sends a transaction and waits for the block that holds it.

use std::sync::Arc;
use std::time::Duration;

use subxt::config::substrate::H256;
use subxt::rpcs::client::RpcSubscription;
use subxt::rpcs::methods::legacy::TransactionStatus;
use subxt::utils::AccountId32;

use super::super::ChainError;
use super::link::{Failure, Link};
use super::outcome::Ended;
use super::refusal::{self, Refusal};
use super::signing::{Payload, sign};
use super::{NodeChain, block_of};
use crate::beacon::OperatorKey;
use crate::domain::BlockNumber;

/// How often a transaction is made anew because another one took its nonce.
const ATTEMPTS: u32 = 3;

/// Why a transaction is in no block, or failed in it.
pub(super) enum Unsent {
    /// The chain says why.
    Refused(Refusal),
    /// Something else is wrong.
    Error(ChainError),
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
    /// Signs and sends a call. The block that holds it is not final yet.
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
        let account = AccountId32(signer.hotkey().0);
        let nonce = link.answer(link.rpc().system_account_next_index(&account)).await?;
        let transaction = sign(&state.runtime, payload, signer, nonce, head)?;
        let watch = link.answer(link.rpc().author_submit_and_watch_extrinsic(&transaction)).await;
        let statuses = match watch {
            Ok(statuses) => statuses,
            Err(Failure::Refused(error)) => return Err(Unsent::Refused(refusal::of_pool(&error))),
            Err(failure) => return Err(failure.into()),
        };
        let patience = self.connector.settings().inclusion_timeout;
        let waiting = included(&link, statuses);
        let hash = match tokio::time::timeout(patience, waiting).await {
            Ok(hash) => hash?,
            Err(_) => return Err(not_included(patience).into()),
        };
        self.check_outcome(&link, hash, &transaction).await
    }

    async fn check_outcome(&self, link: &Arc<Link>, hash: H256, transaction: &[u8]) -> Result<BlockNumber, Unsent> {
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

/// Waits for the first block that holds the transaction.
async fn included(link: &Link, mut statuses: RpcSubscription<TransactionStatus<H256>>) -> Result<H256, Unsent> {
    let refused = |why: &str| Err(Unsent::Refused(Refusal::Other(why.into())));
    while let Some(status) = statuses.next().await {
        match status.map_err(|error| link.failure(error))? {
            TransactionStatus::InBlock(hash) | TransactionStatus::Finalized(hash) => return Ok(hash),
            TransactionStatus::Usurped(_) => return Err(Unsent::Refused(Refusal::NonceTaken)),
            TransactionStatus::Dropped => return refused("the pool is full and dropped it; try again"),
            TransactionStatus::Invalid => return refused("it became invalid before a block took it; try again"),
            TransactionStatus::Future
            | TransactionStatus::Ready
            | TransactionStatus::Broadcast(_)
            | TransactionStatus::Retracted(_)
            | TransactionStatus::FinalityTimeout(_) => {}
        }
    }
    Err(link.lose("the connection ended while a transaction was under way").into())
}

fn not_included(patience: Duration) -> ChainError {
    ChainError::NotIncluded { seconds: patience.as_secs() }
}
