//! Why a hotkey file is not used.

use std::path::PathBuf;

use crate::domain::Hotkey;

/// The errors of wallet files. None of them holds anything of a file but addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WalletError {
    /// The name of a wallet or a hotkey is no plain name.
    #[error("the {kind}'s name {name:?} is none; write the name alone, without '/' and not '.' or '..'")]
    Name {
        /// `wallet` or `hotkey`.
        kind: &'static str,
        /// The name, fit for a terminal.
        name: String,
    },
    /// Nobody knows where wallets are.
    #[error(
        "there is no home folder to look for wallets in; name their folder ([chain] wallet_path, or --wallet-path)"
    )]
    NoHome,
    /// There is no such file.
    #[error("there is no hotkey file {}; check the names of wallet and hotkey, and [chain] wallet_path", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("the hotkey file {} cannot be read: {why}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The file cannot be written.
    #[error("the hotkey file {} cannot be written: {why}", .file.display())]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Others than the file's owner may read or write it.
    #[error("others may use the hotkey file {} (its mode is {mode:03o}); run `chmod 600` on it", .file.display())]
    Exposed {
        /// The file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is locked with a password.
    #[error(
        "{} is encrypted; a hotkey must be without a password to be used by a service, and coldkeys are never opened",
        .0.display()
    )]
    Encrypted(PathBuf),
    /// The file is no hotkey file.
    #[error("{} is no hotkey file (line {line}, column {column}); make it anew with btcli", .file.display())]
    NotAKeyFile {
        /// The file.
        file: PathBuf,
        /// Where reading stopped, from 1; 0 where the whole is meant.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// A key of another kind.
    #[error("the key in {} is of cryptoType {found}; only 1 (sr25519) is known", .file.display())]
    CryptoType {
        /// The file.
        file: PathBuf,
        /// What the file says.
        found: u64,
    },
    /// A field is missing or cannot be read.
    #[error("{} of the hotkey file {} is {problem}; restore the file from its phrase with btcli", .field, .file.display())]
    Field {
        /// The file.
        file: PathBuf,
        /// The field, by its name in the file.
        field: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// There is an address and no secret.
    #[error("the hotkey file {} holds no secret, only an address; nothing can be signed with it", .0.display())]
    NoSecret(PathBuf),
    /// The secret belongs to another address.
    #[error(
        "the {field} of {} is that of {derived}, but the file says {stated}; restore it from its phrase with btcli",
        .file.display()
    )]
    OtherAddress {
        /// The file.
        file: PathBuf,
        /// Which secret, by its name in the file.
        field: &'static str,
        /// Its address.
        derived: Hotkey,
        /// The address in the file.
        stated: Hotkey,
    },
}
