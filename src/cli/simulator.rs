//! The simulator as every command opens it.

use std::path::PathBuf;

use crate::sim::{SimError, Simulator};

/// The simulator with the assets named by KINITRO_ASSETS, or those that `make vendor` fetched.
///
/// # Errors
/// As [`Simulator::locate`].
pub fn open() -> Result<Simulator, SimError> {
    let configured = std::env::var_os("KINITRO_ASSETS").map(PathBuf::from);
    Simulator::locate(configured.as_deref())
}
