//! Reads one hotkey file.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{WalletError, WalletPlace, phrase};
use crate::beacon::OperatorKey;
use crate::domain::Hotkey;

/// Longest hotkey file; they have some 500 bytes.
const MAX_FILE_BYTES: usize = 64 << 10;
/// Opening a pipe must not wait for somebody who writes, and a terminal must not become ours.
const OPEN: i32 = OFlags::NONBLOCK.union(OFlags::NOCTTY).bits() as i32;
/// The number of sr25519 among Substrate's kinds of keys.
const SR25519: u64 = 1;
/// How encrypted key files begin: by NaCl, by Ansible's vault, and by Fernet.
const ENCRYPTED: [&[u8]; 3] = [b"$NACL", b"$ANSIBLE_VAULT", b"gAAAAA"];

/// What is used of a hotkey file. The texts stay in the file's own buffer, which is erased.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields<'a> {
    ss58_address: Option<&'a str>,
    public_key: Option<&'a str>,
    secret_seed: Option<&'a str>,
    secret_phrase: Option<&'a str>,
    private_key: Option<&'a str>,
    #[serde(alias = "crypto_type")]
    crypto_type: Option<u64>,
}

/// Reads a hotkey with its secret: from its seed, else its private key, else its phrase. The key must be that of the
/// address in the file. A file that others may use is refused when `strict`, and else logged.
///
/// # Errors
/// [`WalletError`].
pub fn read_hotkey(place: &WalletPlace, strict: bool) -> Result<OperatorKey, WalletError> {
    let file = place.file();
    let bytes = read(place, Some(strict))?;
    let fields = fields(file, &bytes)?;
    let stated = address(file, &fields)?;
    let (field, key) = secret(file, &fields)?;
    let derived = key.hotkey();
    if derived != stated {
        return Err(WalletError::OtherAddress { file: file.to_owned(), field, derived, stated });
    }
    Ok(key)
}

/// Reads who a hotkey is, without its secret.
///
/// # Errors
/// [`WalletError`].
pub fn read_hotkey_address(place: &WalletPlace) -> Result<Hotkey, WalletError> {
    let bytes = read(place, None)?;
    address(place.file(), &fields(place.file(), &bytes)?)
}

/// The file's bytes. With `strict` its permissions are looked at.
fn read(place: &WalletPlace, strict: Option<bool>) -> Result<Zeroizing<Vec<u8>>, WalletError> {
    let path = place.file();
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => WalletError::Missing(path.to_owned()),
        _ => WalletError::Unreadable { file: path.to_owned(), why: error.to_string() },
    };
    let file = OpenOptions::new().read(true).custom_flags(OPEN).open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(WalletError::Unreadable { file: path.to_owned(), why: "it is no regular file".into() });
    }
    let mode = metadata.permissions().mode() & 0o777;
    if let Some(strict) = strict
        && mode & place.exposing() != 0
    {
        let exposed = WalletError::Exposed { file: path.to_owned(), mode };
        if strict {
            return Err(exposed);
        }
        tracing::warn!("{exposed}");
    }
    // The buffer never grows, for growing would leave a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE_BYTES + 1));
    file.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > MAX_FILE_BYTES {
        let why = format!("it has more than the {MAX_FILE_BYTES} bytes of a hotkey file");
        return Err(WalletError::Unreadable { file: path.to_owned(), why });
    }
    if ENCRYPTED.iter().any(|mark| bytes.starts_with(mark)) {
        return Err(WalletError::Encrypted(path.to_owned()));
    }
    Ok(bytes)
}

/// The fields. What the JSON reader says is not shown, for it may quote the file.
fn fields<'a>(file: &Path, bytes: &'a [u8]) -> Result<Fields<'a>, WalletError> {
    serde_json::from_slice(bytes).map_err(|error| WalletError::NotAKeyFile {
        file: file.to_owned(),
        line: error.line(),
        column: error.column(),
    })
}

fn address(file: &Path, fields: &Fields) -> Result<Hotkey, WalletError> {
    let wrong = |field, problem| WalletError::Field { file: file.to_owned(), field, problem };
    if let Some(found) = fields.crypto_type.filter(|found| *found != SR25519) {
        return Err(WalletError::CryptoType { file: file.to_owned(), found });
    }
    let text = fields.ss58_address.ok_or_else(|| wrong("ss58Address", "missing"))?;
    let stated: Hotkey = text.parse().map_err(|_| wrong("ss58Address", "no address of Bittensor"))?;
    if let Some(public) = fields.public_key {
        let public = digits::<32>(public).ok_or_else(|| wrong("publicKey", "not 64 hexadecimal digits"))?;
        if *public != stated.0 {
            return Err(wrong("publicKey", "not that of its ss58Address"));
        }
    }
    Ok(stated)
}

/// The key of the first secret that the file has, and which that is.
fn secret(file: &Path, fields: &Fields) -> Result<(&'static str, OperatorKey), WalletError> {
    let wrong = |field, problem| WalletError::Field { file: file.to_owned(), field, problem };
    if let Some(text) = fields.secret_seed {
        let seed = digits(text).ok_or_else(|| wrong("secretSeed", "not 64 hexadecimal digits"))?;
        return Ok(("secretSeed", OperatorKey::from_seed(&seed)));
    }
    if let Some(text) = fields.private_key {
        let bytes = digits(text).ok_or_else(|| wrong("privateKey", "not 128 hexadecimal digits"))?;
        let key = OperatorKey::from_secret_bytes(&bytes);
        return Ok(("privateKey", key.map_err(|_| wrong("privateKey", "no sr25519 key"))?));
    }
    if let Some(text) = fields.secret_phrase {
        let seed = phrase::seed(text).ok_or_else(|| wrong("secretPhrase", "no phrase of 12 to 24 English words"))?;
        return Ok(("secretPhrase", OperatorKey::from_seed(&seed)));
    }
    Err(WalletError::NoSecret(file.to_owned()))
}

/// Bytes of hexadecimal digits, with or without `0x`.
fn digits<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes[..]).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests;
