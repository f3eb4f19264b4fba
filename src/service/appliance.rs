//! What every role opens first: data folder, store, chain, key.

use std::path::PathBuf;
use std::sync::Arc;

use crate::beacon::{DEFAULT_DEV_CHAIN, OperatorKey};
use crate::chain::{Chain, ChainError, DevChain, DevChainSettings};
use crate::domain::Netuid;
use crate::service::settings::Settings;
use crate::sim::{SimError, Simulator};
use crate::store::{BlobStore, DataDir, DataDirError, Role, SqliteSettings, SqliteStore, Store, StoreError};

/// Name of the development chain's file in the data folder.
const DEV_CHAIN_FILE: &str = "dev-chain.db";

/// Why a role cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder cannot be used.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain cannot be used.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The simulator cannot be used.
    #[error(transparent)]
    Simulator(#[from] SimError),
}

/// The operator's key on the development chain: derived from the two names, so everybody can know it.
pub fn dev_key(settings: &Settings) -> OperatorKey {
    OperatorKey::dev(&format!("{}/{}", settings.chain.wallet_name, settings.chain.hotkey_name))
}

/// Where the development chain's file is.
pub fn dev_chain_file(settings: &Settings) -> PathBuf {
    settings.chain.dev_chain.clone().unwrap_or_else(|| settings.storage.data_dir.join(DEV_CHAIN_FILE))
}

/// Opens the development chain, making it if there is none.
///
/// # Errors
/// [`ChainError::File`].
pub fn open_dev_chain(settings: &Settings) -> Result<DevChain, ChainError> {
    let path = dev_chain_file(settings);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            let folder = folder.display();
            ChainError::File(format!("{folder}: {error}; it must be a folder that this user may write to"))
        })?;
    }
    let options = DevChainSettings {
        name: DEFAULT_DEV_CHAIN.to_owned(),
        block_time_ms: settings.chain.dev_block_time_ms,
        ..DevChainSettings::default()
    };
    DevChain::open(&path, &options)
}

/// Opens the simulator with the assets that the settings name.
///
/// # Errors
/// [`SimError`].
pub fn open_simulator(settings: &Settings) -> Result<Simulator, SimError> {
    let configured = settings.storage.assets.clone().or_else(|| std::env::var_os("KINITRO_ASSETS").map(PathBuf::from));
    Simulator::locate(configured.as_deref())
}

/// A role's shared state, opened. The data folder's lock lasts as long as this value.
pub struct Appliance {
    /// The lock.
    pub data_dir: DataDir,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The transcripts.
    pub blobs: Arc<BlobStore>,
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// Who signs.
    pub key: Arc<OperatorKey>,
    /// The subnet.
    pub netuid: Netuid,
}

impl Appliance {
    /// Opens everything that `settings` name for `role`. Blocks for a moment.
    ///
    /// # Errors
    /// [`OpenError`], one sentence with what to do.
    pub fn open(settings: &Settings, role: Role) -> Result<Appliance, OpenError> {
        let folder = &settings.storage.data_dir;
        let data_dir = DataDir::open(folder, role)?;
        let store = SqliteStore::open(&DataDir::database_path(folder), SqliteSettings::default())?;
        let blobs = BlobStore::open(&DataDir::transcripts_path(folder))?;
        let chain = open_dev_chain(settings)?;
        Ok(Appliance {
            data_dir,
            store: Arc::new(store),
            blobs: Arc::new(blobs),
            chain: Arc::new(chain),
            key: Arc::new(dev_key(settings)),
            netuid: Netuid(settings.chain.netuid),
        })
    }
}
