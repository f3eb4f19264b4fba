//! The development chain: deterministic blocks, registrations, commitments and weights in one SQLite file.
//!
//! Every block's hash follows from the genesis hash and its number, so its randomness is public: it is for trying
//! things, not for paying anybody. Processes of one machine that open the same file share one chain.

mod chain;
mod clock;
mod commits;
mod faults;
mod open;
mod reads;
mod rpc;
mod view;
mod writes;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{ChainError, Hyperparameters, OpaqueField};
use crate::domain::{BlockHash, BlockNumber, Hotkey, Netuid, Uid};
use faults::Pending;

pub use faults::DevFault;
pub use rpc::{DevNode, DevNodeFault, DevNodeSettings, DevRuntime};

/// How a development chain is made or opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevChainSettings {
    /// The network's name; a new chain's genesis hash is derived from it. Default `dev`.
    pub name: String,
    /// Time from block to block; 0 makes blocks on [`DevChain::advance`] only. Default 1,000 ms.
    pub block_time_ms: u64,
    /// How far the finalized head is behind the newest block. Default 2.
    pub finality_lag_blocks: u64,
}

impl Default for DevChainSettings {
    fn default() -> Self {
        DevChainSettings { name: "dev".into(), block_time_ms: 1_000, finality_lag_blocks: 2 }
    }
}

/// A neuron to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// Who.
    pub hotkey: Hotkey,
    /// The account that owns it.
    pub coldkey: Option<Hotkey>,
    /// Its stake in rao.
    pub stake_rao: u64,
    /// Whether it may set weights.
    pub validator_permit: bool,
}

impl Registration {
    /// A miner without stake.
    pub fn miner(hotkey: Hotkey) -> Registration {
        Registration { hotkey, coldkey: None, stake_rao: 0, validator_permit: false }
    }

    /// A validator with permit and a thousand tokens of stake.
    pub fn validator(hotkey: Hotkey) -> Registration {
        Registration { hotkey, coldkey: None, stake_rao: 1_000_000_000_000, validator_permit: true }
    }
}

/// A handle to a development chain; clones share one connection.
#[derive(Clone)]
pub struct DevChain {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    genesis: BlockHash,
    connection: Mutex<Connection>,
    pending: Mutex<Pending>,
}

impl DevChain {
    /// Opens the chain in a file, making it if there is none. An existing chain keeps its genesis; from now on it runs
    /// at the block time of `settings`. Blocks for a moment.
    ///
    /// # Errors
    /// [`ChainError::File`] when the file cannot be used or is no development chain.
    pub fn open(path: &Path, settings: &DevChainSettings) -> Result<DevChain, ChainError> {
        Self::with(open::in_file(path)?, settings)
    }

    /// A chain in memory, gone with its last handle.
    ///
    /// # Errors
    /// [`ChainError::File`] when SQLite cannot be used.
    pub fn in_memory(settings: &DevChainSettings) -> Result<DevChain, ChainError> {
        Self::with(open::in_memory()?, settings)
    }

    fn with(mut connection: Connection, settings: &DevChainSettings) -> Result<DevChain, ChainError> {
        let (name, genesis) = open::prepare(&mut connection, settings)?;
        let (connection, pending) = (Mutex::new(connection), Mutex::default());
        Ok(DevChain { shared: Arc::new(Shared { name, genesis, connection, pending }) })
    }

    /// Makes `blocks` blocks at once and returns the newest block's number.
    ///
    /// # Errors
    /// [`ChainError::File`].
    pub fn advance(&self, blocks: u64) -> Result<BlockNumber, ChainError> {
        self.shared.write(|transaction| {
            clock::advance(transaction, blocks)?;
            clock::head(transaction)
        })
    }

    /// Registers a hotkey in the next block and returns its uid: the one it has already, or the lowest free one.
    ///
    /// # Errors
    /// [`ChainError::SubnetFull`] when all uids are taken.
    pub fn register(&self, netuid: Netuid, registration: &Registration) -> Result<Uid, ChainError> {
        self.shared.write(|transaction| writes::register(transaction, netuid, registration))
    }

    /// Gives a uid to another hotkey in the next block, as a deregistration does.
    ///
    /// # Errors
    /// [`ChainError::File`].
    pub fn replace(&self, netuid: Netuid, uid: Uid, registration: &Registration) -> Result<(), ChainError> {
        self.shared.write(|transaction| writes::put_neuron(transaction, netuid, uid, registration))
    }

    /// Sets the subnet's rules, for all blocks.
    ///
    /// # Errors
    /// [`ChainError::File`].
    pub fn set_hyperparameters(&self, netuid: Netuid, rules: &Hyperparameters) -> Result<(), ChainError> {
        self.shared.write(|transaction| writes::put_rules(transaction, netuid, rules))
    }

    /// Fills a slot in the next block with something that is not plain bytes, as other programs do. Served as a node, the
    /// kind must be one of the runtime's.
    ///
    /// # Errors
    /// [`ChainError::UnknownSubnet`], [`ChainError::File`].
    pub fn commit_opaque(&self, netuid: Netuid, hotkey: Hotkey, field: &OpaqueField) -> Result<(), ChainError> {
        self.shared.write(|transaction| writes::put_opaque(transaction, hotkey, netuid, field))
    }

    /// Lets something go wrong.
    ///
    /// # Errors
    /// [`ChainError::File`].
    pub fn inject(&self, fault: DevFault) -> Result<(), ChainError> {
        match fault {
            DevFault::Stall => self.shared.write(clock::stall),
            DevFault::Resume => self.shared.write(clock::resume),
            DevFault::Fork => self.shared.write(writes::drop_unfinalized),
            DevFault::Disconnect { calls } => {
                self.shared.pending().disconnected_calls = calls;
                Ok(())
            }
            DevFault::RateLimit { calls } => {
                self.shared.pending().rate_limited_writes = calls;
                Ok(())
            }
        }
    }
}

impl Shared {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One transaction under the file's write lock, so that processes take turns.
    fn write<T>(&self, work: impl FnOnce(&Transaction) -> Result<T, ChainError>) -> Result<T, ChainError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(file_error)?;
        let result = work(&transaction)?;
        transaction.commit().map_err(file_error)?;
        Ok(result)
    }

    /// One consistent view of the file.
    fn read<T>(&self, work: impl FnOnce(&Transaction) -> Result<T, ChainError>) -> Result<T, ChainError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction().map_err(file_error)?;
        work(&transaction)
    }
}

/// What SQLite says, as an error of the chain.
fn file_error(error: rusqlite::Error) -> ChainError {
    ChainError::File(format!("{error}; check the file's folder and the free space, or remove the file to begin anew"))
}
