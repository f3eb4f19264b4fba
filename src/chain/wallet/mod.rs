//! Hotkeys in the files that Bittensor's own tools write.
//!
//! Only hotkeys: a coldkey is never opened, for nothing here needs one. Secret text lives in buffers that are erased,
//! and no error holds a part of a file.

mod dev_hotkey;
mod error;
mod hotkey_file;
mod phrase;
mod place;

pub use dev_hotkey::write_dev_hotkey;
pub use error::WalletError;
pub use hotkey_file::{read_hotkey, read_hotkey_address};
pub use place::{WalletPlace, WalletRoot};
