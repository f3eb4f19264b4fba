//! A node over a development chain: what clients of a real chain speak to.
//!
//! It answers Substrate's JSON-RPC over web sockets, with state and transactions in the form of a real runtime, so that
//! the client of real chains runs against it unchanged. Block hashes are the development chain's own, which no header
//! hashes to; that chain's randomness is public anyway.

mod extrinsic;
mod ledger;
mod methods;
mod node;
mod refusals;
mod runtime;
mod storage;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jsonrpsee::Methods;
use jsonrpsee::server::{Server, ServerHandle, serve_with_graceful_shutdown, stop_channel};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::ChainError;
use super::{DevChain, DevFault};
use crate::domain::Hotkey;
use node::Node;

pub use runtime::DevRuntime;

/// What can be made to go wrong at a development node, beyond the chain's own faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DevNodeFault {
    /// The next transaction is refused at the pool.
    RefuseAtPool {
        /// Code of the error.
        code: i32,
        /// Its data, such as `Custom error: 6`.
        data: String,
    },
    /// The next transaction fails in its block.
    FailInBlock {
        /// Pallet of the error.
        pallet: String,
        /// Name of the error.
        error: String,
    },
    /// Before each of the next transactions another one with the same key comes first.
    StealNonce {
        /// How many times.
        times: u32,
    },
    /// States of blocks that are further below the finalized head are gone.
    ForgetStates {
        /// How far below they are kept.
        kept_blocks: u64,
    },
    /// Pages of storage keys hold this many at most.
    ShortPages {
        /// How many.
        keys: usize,
    },
    /// Of every list of storage keys only the first ones are told.
    HideKeys {
        /// How many are told.
        shown: usize,
    },
    /// Storage keys have more bytes than their item's.
    LongKeys {
        /// How many more.
        bytes: usize,
    },
    /// Lists of storage keys go on for ever, one key a page.
    EndlessKeys,
    /// Lists of storage keys are refused, as by a node that counts calls.
    RefuseLists,
    /// The header of the finalized head tells another number.
    FarHead {
        /// Which.
        number: u64,
    },
    /// Of every list of values the last one is told as not set.
    HideLastValue,
    /// The chain takes committed weights of another version from now on.
    CommitVersion {
        /// Which.
        version: u16,
    },
    /// Blocks tell another time than this machine's clock, where the runtime tells a time at all.
    WrongTime {
        /// How far the clock is behind it.
        ahead_s: i64,
    },
    /// Transactions are called final only once they are, also where blocks come by hand.
    AwaitFinality,
    /// Of the next transaction its watcher is told this status and nothing more, though a block takes it.
    TellInstead {
        /// Such as `invalid`.
        status: String,
    },
    /// Of the next transaction its watcher hears for ever that a block takes it and that a fork drops that block.
    Waver,
    /// No block's body is told: with this code and message, until [`DevNodeFault::TellBodies`].
    RefuseBodies {
        /// Code of the error.
        code: i32,
        /// Its message.
        message: String,
    },
    /// Bodies are told again.
    TellBodies,
    /// Bodies of blocks that are further below the finalized head are gone.
    ForgetBodies {
        /// How far below they are kept.
        kept_blocks: u64,
    },
    /// No call is answered until [`DevNodeFault::Speech`].
    Silence,
    /// Calls are answered again.
    Speech,
}

/// How a development node is run.
#[derive(Clone)]
pub struct DevNodeSettings {
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The runtime that it claims to run.
    pub runtime: DevRuntime,
}

/// A node over a development chain. It ends when dropped.
pub struct DevNode {
    node: Arc<Node>,
    address: SocketAddr,
    sockets: Arc<Sockets>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Sockets {
    open: Mutex<Vec<ServerHandle>>,
    refused: AtomicU32,
}

impl DevNode {
    /// Starts a node.
    ///
    /// # Errors
    /// [`ChainError::File`] when the address is taken; [`ChainError::Incompatible`] when the runtime lacks what is
    /// used.
    pub async fn start(chain: DevChain, settings: DevNodeSettings) -> Result<DevNode, ChainError> {
        let taken = |error: std::io::Error| {
            ChainError::File(format!("no node can listen on {} ({error}); name another address", settings.listen))
        };
        let node = Arc::new(Node::new(chain, &settings.runtime)?);
        let listener = TcpListener::bind(settings.listen).await.map_err(taken)?;
        let address = listener.local_addr().map_err(taken)?;
        let sockets = Arc::new(Sockets::default());
        let methods: Methods = methods::module(node.clone()).into();
        let accepting = tokio::spawn(accept(listener, methods, sockets.clone()));
        Ok(DevNode { node, address, sockets, accepting })
    }

    /// Where it listens, as an endpoint of a client.
    pub fn endpoint(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Lets the next block be made by another runtime, as a runtime upgrade does.
    ///
    /// # Errors
    /// [`ChainError::Incompatible`] when the runtime lacks what is used.
    pub fn upgrade(&self, runtime: &DevRuntime) -> Result<(), ChainError> {
        self.node.upgrade(runtime)
    }

    /// How many transactions of a hotkey the node has taken, those for the next block too.
    pub fn taken_of(&self, hotkey: &Hotkey) -> u64 {
        self.node.nonce(hotkey, None)
    }

    /// Lets something go wrong at the node.
    pub fn inject(&self, fault: DevNodeFault) {
        self.node.inject(fault);
    }

    /// Lets something go wrong at the chain. A connection that drops is every socket's: the sockets are closed, and
    /// `calls - 1` new ones are refused.
    ///
    /// # Errors
    /// [`ChainError::File`].
    pub fn inject_into_chain(&self, fault: DevFault) -> Result<(), ChainError> {
        match fault {
            DevFault::Fork => self.node.fork(),
            DevFault::Disconnect { calls } => {
                self.sockets.refused.store(calls.saturating_sub(1), Ordering::SeqCst);
                self.sockets.close();
                Ok(())
            }
            other => self.node.chain.inject(other),
        }
    }
}

impl Drop for DevNode {
    fn drop(&mut self) {
        self.accepting.abort();
        self.sockets.close();
    }
}

impl Sockets {
    fn close(&self) {
        for handle in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // An error says that it is closed already.
            let _ = handle.stop();
        }
    }

    fn is_refused(&self) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        self.refused.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }
}

async fn accept(listener: TcpListener, methods: Methods, sockets: Arc<Sockets>) {
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        if !sockets.is_refused() {
            serve(socket, &methods, &sockets);
        }
    }
}

fn serve(socket: TcpStream, methods: &Methods, sockets: &Sockets) {
    let (stop, handle) = stop_channel();
    let mut open = sockets.open.lock().unwrap_or_else(PoisonError::into_inner);
    open.retain(|handle| !handle.is_stopped());
    open.push(handle);
    let service = Server::builder().to_service_builder().build(methods.clone(), stop.clone());
    tokio::spawn(async move {
        // How a connection ends is the client's business.
        let _ = serve_with_graceful_shutdown(socket, service, stop.shutdown()).await;
    });
}
