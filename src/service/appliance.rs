//! What every role opens first: data folder and store.

use std::path::PathBuf;
use std::sync::Arc;

use crate::chain::{ChainError, WalletError};
use crate::service::settings::Settings;
use crate::sim::{SimError, Simulator};
use crate::store::{BlobStore, DataDir, DataDirError, Role, SqliteSettings, SqliteStore, Store, StoreError};

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
    /// The key that signs cannot be read.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The simulator cannot be used.
    #[error(transparent)]
    Simulator(#[from] SimError),
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
        Ok(Appliance { data_dir, store: Arc::new(store), blobs: Arc::new(blobs) })
    }
}
