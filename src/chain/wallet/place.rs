//! Where wallets are.

use std::path::{Path, PathBuf};

use super::WalletError;
use crate::domain::printable;

/// Where Bittensor's tools keep wallets, below the home folder.
const WALLETS: &str = ".bittensor/wallets";
/// The folder of a wallet's hotkeys.
const HOTKEYS: &str = "hotkeys";
/// Longest name that is shown.
const SHOWN_BYTES: usize = 60;

/// The folder of all wallets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletRoot(pub PathBuf);

impl WalletRoot {
    /// The folder that is named, with a leading `~/` as the home folder; or `~/.bittensor/wallets`.
    ///
    /// # Errors
    /// [`WalletError::NoHome`] when the home folder is needed and `home` is not known.
    pub fn new(named: Option<&Path>, home: Option<&Path>) -> Result<WalletRoot, WalletError> {
        let below_home = match named {
            None => Path::new(WALLETS),
            Some(path) => match path.strip_prefix("~") {
                Ok(below) => below,
                Err(_) => return Ok(WalletRoot(path.to_owned())),
            },
        };
        Ok(WalletRoot(home.ok_or(WalletError::NoHome)?.join(below_home)))
    }
}

/// Permission bits of anybody but a file's owner.
const OTHERS: u32 = 0o077;
/// The group's bit for reading. A service manager that hands a file over by an access list shows that list's mask there.
const GROUP_READS: u32 = 0o040;

/// The file of one hotkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalletPlace {
    file: PathBuf,
    exposing: u32,
}

impl WalletPlace {
    /// The hotkey called `hotkey` of the wallet called `wallet`. The names cannot lead out of the wallet's folder of
    /// hotkeys, so never to a coldkey.
    ///
    /// # Errors
    /// [`WalletError::Name`].
    pub fn new(root: &WalletRoot, wallet: &str, hotkey: &str) -> Result<WalletPlace, WalletError> {
        for (kind, name) in [("wallet", wallet), ("hotkey", hotkey)] {
            if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
                return Err(WalletError::Name { kind, name: printable(name, SHOWN_BYTES) });
            }
        }
        Ok(WalletPlace::file_at(root.0.join(wallet).join(HOTKEYS).join(hotkey)))
    }

    /// The hotkey in a file that is named itself. It must be a hotkey's, which the name cannot tell.
    pub fn file_at(file: PathBuf) -> WalletPlace {
        WalletPlace { file, exposing: OTHERS }
    }

    /// The same for a file that a service manager hands to this process alone, of mode 0400 or 0440.
    pub fn credential_at(file: PathBuf) -> WalletPlace {
        WalletPlace { file, exposing: OTHERS & !GROUP_READS }
    }

    /// The hotkey's file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Permission bits that the file must not have, for then others may use it.
    pub(super) fn exposing(&self) -> u32 {
        self.exposing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallets_are_where_bittensors_tools_put_them() {
        let root = |named: Option<&str>| WalletRoot::new(named.map(Path::new), Some(Path::new("/home/eva")));
        let file = |named| WalletPlace::new(&root(named).unwrap(), "main", "default").unwrap().file;
        assert_eq!(file(None), Path::new("/home/eva/.bittensor/wallets/main/hotkeys/default"));
        assert_eq!(file(Some("~/keys")), Path::new("/home/eva/keys/main/hotkeys/default"));
        assert_eq!(file(Some("/srv/keys")), Path::new("/srv/keys/main/hotkeys/default"));
        assert_eq!(WalletRoot::new(None, None), Err(WalletError::NoHome));
        assert!(WalletRoot::new(Some(Path::new("keys")), None).is_ok());
    }

    #[test]
    fn names_do_not_lead_to_a_coldkey() {
        let root = WalletRoot("/srv/keys".into());
        for name in ["", ".", "..", "../coldkey", "a/b", "/etc/shadow", "a\0b"] {
            for (wallet, hotkey) in [(name, "default"), ("main", name)] {
                let error = WalletPlace::new(&root, wallet, hotkey).unwrap_err();
                assert!(matches!(error, WalletError::Name { .. }), "{error}");
            }
        }
    }
}
