//! One connection to one node.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use subxt::config::{RpcConfigFor, SubstrateConfig};
use subxt::rpcs::methods::LegacyRpcMethods;
use subxt::rpcs::{Error, RpcClient, UserError};

use super::super::ChainError;
use super::network::host_of;
use crate::domain::{BlockRef, printable};

/// The calls that every Substrate node answers.
pub(super) type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;

/// Longest text of a node that is shown.
const SHOWN_BYTES: usize = 300;

/// Why a call was not answered.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection is gone.
    Lost(String),
    /// The node says no.
    Refused(UserError),
    /// The answer is none.
    Unreadable(String),
}

impl Failure {
    /// The error of a read at a block.
    pub(super) fn at(self, block: BlockRef) -> ChainError {
        match self {
            Failure::Refused(error) if is_about_a_missing_block(&error) => ChainError::UnknownBlock(block),
            other => other.into(),
        }
    }
}

/// Substrate's client says `UnknownBlock` both of blocks that it never had and of states that it threw away.
fn is_about_a_missing_block(error: &UserError) -> bool {
    let said = |text: &str| text.contains("UnknownBlock") || text.contains("State already discarded");
    said(&error.message) || error.data.as_ref().is_some_and(|data| said(data.get()))
}

impl From<Failure> for ChainError {
    fn from(failure: Failure) -> ChainError {
        match failure {
            Failure::Lost(why) => ChainError::Disconnected(why),
            Failure::Refused(error) => ChainError::Refused(shown(&error)),
            Failure::Unreadable(why) => ChainError::Unreadable(why),
        }
    }
}

/// What a node said, fit for a terminal.
pub(super) fn shown(error: &UserError) -> String {
    let data = error.data.as_ref().map(|data| format!(", {}", data.get())).unwrap_or_default();
    printable(&format!("{} ({}{data})", error.message, error.code), SHOWN_BYTES)
}

/// A connection. Once lost it stays lost; the connector opens another.
pub(super) struct Link {
    address: String,
    rpc: Rpc,
    answer_timeout: Duration,
    lost: AtomicBool,
}

impl Link {
    pub(super) async fn open(address: &str, answer_timeout: Duration) -> Result<Link, Failure> {
        let opening = RpcClient::from_insecure_url(address);
        let address = host_of(address);
        let client = match tokio::time::timeout(answer_timeout, opening).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(Failure::Lost(format!("{address}: {error}"))),
            Err(_) => return Err(Failure::Lost(format!("{address}: no connection within {answer_timeout:?}"))),
        };
        let rpc = LegacyRpcMethods::new(client);
        Ok(Link { address, rpc, answer_timeout, lost: AtomicBool::new(false) })
    }

    /// Where it leads, without what may be a secret.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn rpc(&self) -> &Rpc {
        &self.rpc
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Marks the connection as gone.
    pub(super) fn lose(&self, why: &str) -> Failure {
        self.lost.store(true, Ordering::Relaxed);
        Failure::Lost(printable(&format!("{}: {why}", self.address), SHOWN_BYTES))
    }

    /// Waits for an answer, but not for ever.
    pub(super) async fn answer<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.answer_timeout, call).await {
            Ok(answer) => answer.map_err(|error| self.failure(error)),
            Err(_) => Err(self.lose(&format!("no answer within {:?}", self.answer_timeout))),
        }
    }

    /// What an error of the connection means.
    pub(super) fn failure(&self, error: Error) -> Failure {
        match error {
            Error::User(error) => Failure::Refused(error),
            Error::Client(error) => self.lose(&error.to_string()),
            Error::DisconnectedWillReconnect(why) => self.lose(&why),
            other => Failure::Unreadable(printable(&other.to_string(), SHOWN_BYTES)),
        }
    }
}
