//! Hotkey files of development keys, so that programs of a local subnet have keys of their own.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use super::{WalletError, WalletPlace};
use crate::beacon::{OperatorKey, dev_seed};
use crate::domain::Hotkey;

/// Writes the development key of `name`, which anybody may know, as a hotkey file. No file is ever replaced.
///
/// # Errors
/// [`WalletError::Unwritable`] when there is a file already or none can be made.
pub fn write_dev_hotkey(place: &WalletPlace, name: &str) -> Result<Hotkey, WalletError> {
    let hotkey = OperatorKey::dev(name).hotkey();
    let public = format!("0x{}", hex::encode(hotkey.0));
    let json = serde_json::json!({
        "accountId": public,
        "publicKey": public,
        "secretSeed": format!("0x{}", hex::encode(dev_seed(name))),
        "ss58Address": hotkey.to_string(),
        "cryptoType": 1,
    });
    let file = place.file();
    let written = (|| {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        new.write_all(json.to_string().as_bytes())
    })();
    match written {
        Ok(()) => Ok(hotkey),
        Err(error) => Err(WalletError::Unwritable { file: file.to_owned(), why: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{WalletRoot, read_hotkey};
    use super::*;

    #[test]
    fn what_is_written_is_read_strictly_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let place = WalletPlace::new(&WalletRoot(folder.path().to_owned()), "alice", "default").unwrap();
        let hotkey = write_dev_hotkey(&place, "alice").unwrap();
        assert_eq!(read_hotkey(&place, true).unwrap().hotkey(), hotkey);
        assert!(matches!(write_dev_hotkey(&place, "bob"), Err(WalletError::Unwritable { .. })));
        assert_eq!(read_hotkey(&place, true).unwrap().hotkey(), hotkey);
    }
}
