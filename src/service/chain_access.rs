//! The chain and the key that the settings name.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::beacon::{DEFAULT_DEV_CHAIN, OperatorKey};
use crate::chain::{
    Chain, ChainError, DevChain, DevChainSettings, NodeChain, NodeSettings, WalletError, WalletPlace, WalletRoot,
    read_hotkey, read_hotkey_address,
};
use crate::domain::{Hotkey, Netuid};
use crate::service::appliance::OpenError;
use crate::service::credentials::{Credentials, HOTKEY};
use crate::service::settings::{ChainSettings, Settings};

/// Name of the development chain's file in the data folder.
pub const DEV_CHAIN_FILE: &str = "dev-chain.db";

/// Whether the settings name the development chain in a file.
pub fn is_dev(settings: &Settings) -> bool {
    settings.chain.network == DEFAULT_DEV_CHAIN
}

/// A chain, and who signs for it.
pub struct ChainAccess {
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// Who signs.
    pub key: Arc<OperatorKey>,
    /// The subnet.
    pub netuid: Netuid,
}

impl ChainAccess {
    /// Opens chain and key as the settings name them.
    ///
    /// # Errors
    /// [`OpenError::Wallet`] before anything is connected to, [`OpenError::Chain`].
    pub async fn open(settings: &Settings) -> Result<ChainAccess, OpenError> {
        let key = Arc::new(open_key(settings)?);
        Ok(ChainAccess { chain: open_chain(settings).await?, key, netuid: Netuid(settings.chain.netuid) })
    }
}

/// Opens the chain that the settings name: connects to a node and checks it, or opens the development chain's file.
///
/// # Errors
/// [`ChainError`].
pub async fn open_chain(settings: &Settings) -> Result<Arc<dyn Chain>, ChainError> {
    if !is_dev(settings) {
        let ChainSettings { network, endpoints, genesis, .. } = &settings.chain;
        return Ok(Arc::new(NodeChain::connect(NodeSettings::of(network, endpoints, *genesis)?).await?));
    }
    let settings = settings.clone();
    let opened = tokio::task::spawn_blocking(move || open_dev_chain(&settings)).await;
    Ok(Arc::new(opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?))
}

/// The key that signs: the wallet's hotkey, or on the development chain one that follows from the two names. Blocks for a
/// moment.
///
/// # Errors
/// [`WalletError`].
pub fn open_key(settings: &Settings) -> Result<OperatorKey, WalletError> {
    match is_dev(settings) {
        true => Ok(dev_key(settings)),
        false => {
            let credentials = Credentials::own();
            let place = hotkey_place(&settings.chain, &credentials)?;
            let key = read_hotkey(&place, settings.chain.strict_wallet)?;
            if credentials.hold(place.file()) {
                tracing::info!(hotkey = %key.hotkey(), "the hotkey is a credential of the service manager");
            }
            Ok(key)
        }
    }
}

/// Who signs, without the secret.
///
/// # Errors
/// [`WalletError`].
pub fn own_hotkey(settings: &Settings) -> Result<Hotkey, WalletError> {
    match is_dev(settings) {
        true => Ok(dev_key(settings).hotkey()),
        false => read_hotkey_address(&hotkey_place(&settings.chain, &Credentials::own())?),
    }
}

/// The hotkey's file: the one that is named, else that of the wallet where the folder of wallets is named, else the credential
/// `hotkey` of the service manager, else that of the wallet in the user's own folder.
///
/// # Errors
/// [`WalletError`].
pub fn hotkey_place(settings: &ChainSettings, credentials: &Credentials) -> Result<WalletPlace, WalletError> {
    let given = settings.wallet_path.is_none().then(|| credentials.file(HOTKEY)).flatten();
    match settings.hotkey_file.clone().or(given) {
        Some(file) if credentials.hold(&file) => Ok(WalletPlace::credential_at(file)),
        Some(file) => Ok(WalletPlace::file_at(file)),
        None => wallet_place(settings),
    }
}

/// The file of the hotkey in a wallet.
///
/// # Errors
/// [`WalletError`].
pub fn wallet_place(settings: &ChainSettings) -> Result<WalletPlace, WalletError> {
    let home = std::env::home_dir();
    let root = WalletRoot::new(settings.wallet_path.as_deref(), home.as_deref())?;
    WalletPlace::new(&root, &settings.wallet_name, &settings.hotkey_name)
}

/// The operator's key on the development chain: derived from the two names, so everybody can know it.
pub fn dev_key(settings: &Settings) -> OperatorKey {
    OperatorKey::dev(&format!("{}/{}", settings.chain.wallet_name, settings.chain.hotkey_name))
}

/// Where the development chain's file is.
pub fn dev_chain_file(settings: &Settings) -> PathBuf {
    settings.chain.dev_chain.clone().unwrap_or_else(|| settings.storage.data_dir.join(DEV_CHAIN_FILE))
}

/// Opens the development chain, making it if there is none. Blocks for a moment.
///
/// # Errors
/// [`ChainError::File`].
pub fn open_dev_chain(settings: &Settings) -> Result<DevChain, ChainError> {
    let path = dev_chain_file(settings);
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let options = DevChainSettings {
        name: DEFAULT_DEV_CHAIN.to_owned(),
        block_time_ms: settings.chain.dev_block_time_ms,
        ..DevChainSettings::default()
    };
    DevChain::open(&path, &options)
}

fn make_folder(folder: &Path) -> Result<(), ChainError> {
    std::fs::create_dir_all(folder).map_err(|error| {
        let folder = folder.display();
        ChainError::File(format!("{folder}: {error}; it must be a folder that this user may write to"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hotkey_that_is_named_stands_above_one_that_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let given = folder.path().join("hotkey");
        let credentials = Credentials::in_folder(Some(folder.path().to_owned()));
        let place = |chain: ChainSettings| hotkey_place(&chain, &credentials).unwrap();
        let in_wallet = ChainSettings { wallet_path: Some("/srv/keys".into()), ..ChainSettings::default() };
        let named = ChainSettings { hotkey_file: Some("/srv/hotkey".into()), ..ChainSettings::default() };
        assert_ne!(place(ChainSettings::default()).file(), given, "there is no such credential");
        std::fs::write(&given, "{}").unwrap();
        assert_eq!(place(ChainSettings::default()), WalletPlace::credential_at(given.clone()));
        let name = ChainSettings { wallet_name: "main".into(), ..ChainSettings::default() };
        assert_eq!(place(name), WalletPlace::credential_at(given.clone()), "a name without a folder names no file");
        assert_eq!(place(in_wallet).file(), Path::new("/srv/keys/default/hotkeys/default"));
        assert_eq!(place(named), WalletPlace::file_at("/srv/hotkey".into()));
        let itself = ChainSettings { hotkey_file: Some(given.clone()), ..ChainSettings::default() };
        assert_eq!(place(itself), WalletPlace::credential_at(given), "a credential by its whole path is one too");
    }
}
