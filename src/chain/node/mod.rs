//! The chain behind a real node: Substrate's JSON-RPC over web sockets.
//!
//! Everything is read and written by name, against the description that the runtime gives of itself, so that a runtime
//! upgrade that keeps its names changes nothing. A runtime that lacks a name is refused with that name, when it is
//! first met: at the start, or at the first block of the upgrade.

mod asked;
mod chain;
pub(in crate::chain) mod commitment;
mod connector;
#[cfg(test)]
mod golden;
pub(in crate::chain) mod hashed;
mod link;
pub(in crate::chain) mod names;
mod network;
mod outcome;
pub(in crate::chain) mod reads;
mod refusal;
pub(in crate::chain) mod runtime;
mod schedule;
pub(in crate::chain) mod signing;
mod state;
mod submit;
mod timelock;
mod type_graph;
mod under_way;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use subxt::config::substrate::H256;
use subxt::rpcs::methods::legacy::NumberOrHex;

use super::{ChainError, HeadWatch};
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey};
use connector::Connector;
use link::Link;
use runtime::{Runtime, unreadable};
use state::State;
use under_way::UnderWay;

pub use network::NodeSettings;

/// A chain, seen through one node at a time.
///
/// A call during which the connection is lost fails with [`ChainError::Disconnected`]; the next call connects again, to
/// the next endpoint.
pub struct NodeChain {
    connector: Connector,
    genesis: BlockHash,
    /// When the finalized head last moved, whichever endpoint told it.
    watch: Mutex<HeadWatch>,
    /// A block that was last seen to be final and of this chain.
    known_final: Mutex<Option<BlockRef>>,
    /// One transaction at a time of each hotkey, for the next one's nonce counts on it.
    turns: Mutex<BTreeMap<Hotkey, Arc<tokio::sync::Mutex<()>>>>,
    /// Transactions that may still be taken.
    under_way: UnderWay,
}

impl NodeChain {
    /// Connects, and checks that the chain is the right one and that its runtime has all that is used.
    ///
    /// # Errors
    /// [`ChainError::BadEndpoint`], [`ChainError::NoConnection`], [`ChainError::Disconnected`], [`ChainError::WrongGenesis`],
    /// [`ChainError::Incompatible`].
    pub async fn connect(settings: NodeSettings) -> Result<NodeChain, ChainError> {
        let connector = Connector::new(settings)?;
        connector.link().await.map_err(|error| match error {
            ChainError::Disconnected(why) => ChainError::NoConnection(why),
            other => other,
        })?;
        let genesis = connector.genesis().ok_or_else(|| unreadable("no genesis hash"))?;
        let watch = Mutex::new(HeadWatch::new(connector.settings().head_patience));
        let (known_final, turns, under_way) = Default::default();
        let chain = NodeChain { connector, genesis, watch, known_final, turns, under_way };
        let mut looked = chain.look().await;
        for _ in 1..chain.connector.settings().endpoints.len() {
            if looked.is_err() {
                looked = chain.look().await;
            }
        }
        looked.map(|()| chain)
    }

    /// Reads the head and how its runtime describes itself. The endpoint that cannot tell them is given up.
    async fn look(&self) -> Result<(), ChainError> {
        let link = self.connector.link().await?;
        let looked = async {
            let (link, head) = self.head_of(link.clone()).await?;
            self.state(&link, head).await.map(drop)
        };
        let looked = looked.await;
        if let Err(error) = &looked {
            self.leave(&link, error);
        }
        looked
    }

    /// The answer to a question of reading. Where there is another endpoint, the one that cannot answer as its error says
    /// is given up, and the next call asks the next one.
    async fn ask<T>(&self, question: impl Future<Output = Result<T, ChainError>>) -> Result<T, ChainError> {
        let link = self.connector.link().await?;
        let answer = question.await;
        if let Err(error) = &answer {
            self.leave(&link, error);
        }
        answer
    }

    /// Gives a connection up for an error that another endpoint may not have.
    fn leave(&self, link: &Link, error: &ChainError) {
        if is_of_the_node(error) && self.connector.settings().endpoints.len() > 1 {
            tracing::warn!(endpoint = link.address(), %error, "another node is asked next");
            link.lose("another node is asked next");
        }
    }

    /// The version of the runtime at the finalized head.
    ///
    /// # Errors
    /// Those of any read.
    pub async fn spec_version(&self) -> Result<u32, ChainError> {
        let version = async {
            let (link, head) = self.head().await?;
            Ok(self.state(&link, head).await?.runtime.spec_version())
        };
        self.ask(version).await
    }

    /// Refuses to sign for a chain that the settings do not identify.
    fn check_may_sign(&self) -> Result<(), ChainError> {
        match self.connector.settings().genesis {
            Some(_) => Ok(()),
            None => Err(ChainError::UnconfirmedGenesis { found: self.genesis }),
        }
    }

    fn turn_of(&self, hotkey: Hotkey) -> Arc<tokio::sync::Mutex<()>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner).entry(hotkey).or_default().clone()
    }

    /// The finalized head, and the connection that told it.
    async fn head(&self) -> Result<(Arc<Link>, BlockRef), ChainError> {
        let link = self.connector.link().await?;
        self.head_of(link).await
    }

    /// The finalized head of one connection, if the chain goes on.
    ///
    /// One watch stands over all endpoints, so that an endpoint behind another one counts as standing too. A connection
    /// whose endpoint had its share of the patience is then given up; on the next endpoint, or on the same one where it
    /// is the only one, the chain is called stalled until the head is beyond the one that is known, or until this
    /// connection has seen it move: the one that is known was then a lie, or of a chain that began anew.
    async fn head_of(&self, link: Arc<Link>) -> Result<(Arc<Link>, BlockRef), ChainError> {
        let head = finalized(&link).await?;
        let now = Instant::now();
        let stands = {
            let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
            let (advanced, stands) = (link.has_advanced_to(head.number), watch.observe(head.number, now));
            if stands.is_err() && advanced {
                watch.reset(head.number, now);
                return Ok((link.clone(), head));
            }
            stands
        };
        if let Err(stalled) = stands {
            if now.saturating_duration_since(link.opened()) >= self.connector.settings().patience_of_one() {
                tracing::warn!(endpoint = link.address(), block = head.number.0, "the finalized head stands still");
                link.lose("the finalized head stands still");
            }
            return Err(stalled);
        }
        Ok((link, head))
    }

    /// The state of the newest block, final or not: what the next transaction will meet.
    async fn newest(&self) -> Result<State, ChainError> {
        let link = self.connector.link().await?;
        let hash = link.answer(link.rpc().chain_get_block_hash(None)).await?;
        let block = block_of(&link, hash.ok_or_else(|| unreadable("no newest block"))?).await?;
        self.state(&link, block).await
    }

    /// The state of a block that must be final and of this chain.
    async fn final_state(&self, at: BlockRef) -> Result<State, ChainError> {
        let link = self.connector.link().await?;
        if *self.known_final.lock().unwrap_or_else(PoisonError::into_inner) != Some(at) {
            let finalized = finalized(&link).await?.number;
            if at.number > finalized {
                return Err(ChainError::NotFinalized { asked: at.number, finalized });
            }
            let call = link.rpc().chain_get_block_hash(Some(NumberOrHex::Number(at.number.0)));
            if link.answer(call).await? != Some(H256(at.hash.0)) {
                return Err(ChainError::UnknownBlock(at));
            }
            *self.known_final.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
        }
        self.state(&link, at).await
    }

    /// The state of a block, read by the runtime in force there.
    async fn state(&self, link: &Arc<Link>, block: BlockRef) -> Result<State, ChainError> {
        let hash = H256(block.hash.0);
        let call = link.rpc().state_get_runtime_version(Some(hash));
        let version = link.answer(call).await.map_err(|failure| failure.at(block))?;
        let runtime = match link.runtime(version.spec_version) {
            Some(runtime) => runtime,
            None => {
                let versions = (version.spec_version, version.transaction_version);
                let runtime = Arc::new(Runtime::load(link, hash, versions, self.genesis).await?);
                tracing::info!(spec_version = version.spec_version, "the chain's runtime has all that is used");
                link.remember(runtime.clone());
                runtime
            }
        };
        Ok(State { link: link.clone(), runtime, block })
    }
}

/// Whether another node may do better. Not for what a transaction pool refuses.
fn is_of_the_node(error: &ChainError) -> bool {
    use ChainError::*;
    matches!(error, Unreadable(_) | Incompatible { .. } | UnknownForm { .. } | UnknownBlock(_) | Refused(_))
}

/// The finalized head as the node tells it.
async fn finalized(link: &Link) -> Result<BlockRef, ChainError> {
    let hash = link.answer(link.rpc().chain_get_finalized_head()).await?;
    block_of(link, hash).await
}

/// Number and hash of the block with this hash.
async fn block_of(link: &Link, hash: H256) -> Result<BlockRef, ChainError> {
    let header = link.answer(link.rpc().chain_get_header(Some(hash))).await?;
    let header = header.ok_or_else(|| unreadable("no header of a block that was just named"))?;
    if header.number > u32::MAX.into() {
        return Err(unreadable(format!("block {}, and the chain counts to {}", header.number, u32::MAX)));
    }
    Ok(BlockRef { number: BlockNumber(header.number), hash: BlockHash(hash.0) })
}
