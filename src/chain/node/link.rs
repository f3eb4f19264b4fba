//! One connection to one node.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use subxt::config::{RpcConfigFor, SubstrateConfig};
use subxt::rpcs::methods::LegacyRpcMethods;
use subxt::rpcs::{Error, RpcClient, UserError};

use super::super::ChainError;
use super::network::{host_of, without_secrets};
use super::runtime::Runtime;
use crate::domain::{BlockNumber, BlockRef, printable};

/// The calls that every Substrate node answers.
pub(super) type Rpc = LegacyRpcMethods<RpcConfigFor<SubstrateConfig>>;

/// Longest text of a node that is shown, in characters.
pub(super) const SHOWN_CHARS: usize = 300;
/// Runtimes that a connection remembers: the one in force, and the one before it for reads across an upgrade.
const MAX_RUNTIMES: usize = 2;

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
    printable(&format!("{} ({}{data})", error.message, error.code), SHOWN_CHARS)
}

/// A connection. Once lost it stays lost; the connector opens another.
pub(super) struct Link {
    /// Where it leads, with all that may be a secret.
    endpoint: String,
    host: String,
    rpc: Rpc,
    answer_timeout: Duration,
    opened: Instant,
    lost: AtomicBool,
    /// The finalized head that the node told last; the largest number before the first.
    told_head: AtomicU64,
    /// The node's runtimes, the one that was used last at the end. What one node says of a version is believed of that
    /// node alone.
    runtimes: Mutex<Vec<Arc<Runtime>>>,
}

/// A lost connection, as it may be shown: a node's words are its own, and may repeat the address that it was called by.
fn lost(endpoint: &str, why: &str) -> Failure {
    let why = without_secrets(why, endpoint);
    Failure::Lost(printable(&format!("{}: {why}", host_of(endpoint)), SHOWN_CHARS))
}

impl Link {
    pub(super) async fn open(endpoint: &str, answer_timeout: Duration) -> Result<Link, Failure> {
        let opening = RpcClient::from_insecure_url(endpoint);
        let client = match tokio::time::timeout(answer_timeout, opening).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(lost(endpoint, &error.to_string())),
            Err(_) => return Err(lost(endpoint, &format!("no connection within {answer_timeout:?}"))),
        };
        Ok(Link {
            endpoint: endpoint.to_owned(),
            host: host_of(endpoint),
            rpc: LegacyRpcMethods::new(client),
            answer_timeout,
            opened: Instant::now(),
            lost: AtomicBool::new(false),
            told_head: AtomicU64::new(u64::MAX),
            runtimes: Mutex::default(),
        })
    }

    /// Whether the node's finalized head has moved since this connection's last look at it. Takes note of this one.
    pub(super) fn has_advanced_to(&self, head: BlockNumber) -> bool {
        head.0 > self.told_head.swap(head.0, Ordering::Relaxed)
    }

    /// Where it leads, without what may be a secret.
    pub(super) fn address(&self) -> &str {
        &self.host
    }

    /// When it was opened.
    pub(super) fn opened(&self) -> Instant {
        self.opened
    }

    /// The node's runtime of this version, if it was read.
    pub(super) fn runtime(&self, spec_version: u32) -> Option<Arc<Runtime>> {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        let place = runtimes.iter().position(|runtime| runtime.spec_version() == spec_version)?;
        let runtime = runtimes.remove(place);
        runtimes.push(runtime.clone());
        Some(runtime)
    }

    /// Remembers a runtime, and forgets the one that was used longest ago when there are too many.
    pub(super) fn remember(&self, runtime: Arc<Runtime>) {
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes.retain(|other| other.spec_version() != runtime.spec_version());
        runtimes.push(runtime);
        let surplus = runtimes.len().saturating_sub(MAX_RUNTIMES);
        runtimes.drain(..surplus);
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
        lost(&self.endpoint, why)
    }

    /// Waits for an answer, but not for ever.
    pub(super) async fn answer<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.answer_timeout, call).await {
            Ok(answer) => answer.map_err(|error| self.failure(error)),
            Err(_) => Err(self.lose(&format!("no answer within {:?}", self.answer_timeout))),
        }
    }

    /// Waits for work of many answers no longer than for `answers` slow ones.
    pub(super) async fn within<T>(
        &self,
        answers: u32,
        work: impl Future<Output = Result<T, ChainError>>,
    ) -> Result<T, ChainError> {
        let patience = self.answer_timeout.saturating_mul(answers);
        match tokio::time::timeout(patience, work).await {
            Ok(done) => done,
            Err(_) => Err(self.lose(&format!("a list is not told within {patience:?}")).into()),
        }
    }

    /// What an error of the connection means.
    pub(super) fn failure(&self, error: Error) -> Failure {
        match error {
            Error::User(error) => Failure::Refused(error),
            Error::Client(error) => self.lose(&error.to_string()),
            Error::DisconnectedWillReconnect(why) => self.lose(&why),
            other => Failure::Unreadable(printable(&other.to_string(), SHOWN_CHARS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use subxt::rpcs::client::{RawRpcFuture, RawRpcSubscription, RpcClientT};

    use super::*;
    use crate::chain::DevRuntime;
    use crate::domain::BlockHash;

    struct Nobody;

    fn silence<'a, T: Send + 'a>() -> RawRpcFuture<'a, T> {
        Box::pin(std::future::pending())
    }

    impl RpcClientT for Nobody {
        fn request_raw<'a>(&'a self, _: &'a str, _: Option<Box<RawValue>>) -> RawRpcFuture<'a, Box<RawValue>> {
            silence()
        }
        fn subscribe_raw<'a>(
            &'a self,
            _: &'a str,
            _: Option<Box<RawValue>>,
            _: &'a str,
        ) -> RawRpcFuture<'a, RawRpcSubscription> {
            silence()
        }
    }

    /// A connection to nobody.
    fn link() -> Link {
        let client = RpcClient::new(Nobody);
        Link {
            endpoint: "wss://user:pass@n.example/SECRETTOKEN?key=OTHERTOKEN".into(),
            host: "wss://n.example".into(),
            rpc: LegacyRpcMethods::new(client),
            answer_timeout: Duration::from_secs(1),
            opened: Instant::now(),
            lost: AtomicBool::new(false),
            told_head: AtomicU64::new(u64::MAX),
            runtimes: Mutex::default(),
        }
    }

    #[test]
    fn a_nodes_words_neither_move_a_terminal_nor_repeat_a_token() {
        let said = "moved to /SECRETTOKEN?key=OTHERTOKEN\u{1b}[2J\n\u{202e}";
        let client = || Error::Client(Box::new(std::io::Error::other(said)));
        for error in [client(), Error::DisconnectedWillReconnect(said.into())] {
            let shown = ChainError::from(link().failure(error)).to_string();
            assert!(shown.contains("wss://n.example: moved to /…?key=…\\u{1b}[2J\\u{a}\\u{202e}"), "{shown}");
        }
        let refused = UserError { code: 7, message: "a\u{1b}\n".into(), data: None };
        let failures = [
            link().failure(Error::InsecureUrl("\u{1b}\n\u{202e}".into())),
            Failure::Refused(refused),
            lost("ws://h", &"\u{1b}".repeat(10_000)),
        ];
        for failure in failures {
            let shown = ChainError::from(failure).to_string();
            assert!(!shown.contains(['\u{1b}', '\n', '\u{202e}']) && shown.len() < 8 * SHOWN_CHARS, "{shown}");
        }
    }

    #[test]
    fn a_connection_remembers_two_runtimes() {
        let link = link();
        let metadata = DevRuntime::recorded().metadata().to_vec();
        let runtime = |version| Arc::new(Runtime::new(&metadata, (version, 1), BlockHash([0; 32])).unwrap());
        link.remember(runtime(1));
        link.remember(runtime(2));
        assert_eq!(link.runtime(1).unwrap().spec_version(), 1);
        link.remember(runtime(3));
        assert_eq!([1, 2, 3].map(|version| link.runtime(version).is_some()), [true, false, true]);
    }
}
