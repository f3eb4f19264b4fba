//! Why a repository could not be described.

use crate::hub::HubError;

/// A failure that is not the miner's: the description may succeed later, and nobody is refused for it.
#[derive(Debug, thiserror::Error)]
pub enum DescribeError {
    /// The hub or the network.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The time for the whole check was over.
    #[error(
        "the repository could not be read within {seconds} s; what was read is kept, and the same check goes on there"
    )]
    OutOfTime {
        /// The time that it had.
        seconds: u64,
    },
    /// What came is not what the hub says the file holds.
    #[error("the hub sent other bytes for {path} than the SHA-256 that it gives for it; try again later")]
    WrongDigest {
        /// The file, safe to show.
        path: String,
    },
}
