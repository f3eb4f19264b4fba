//! The chain behind one trait.
//!
//! [`Chain`] is what the roles know: a finalized head, neurons and commitments read at one block, commitments and weights
//! written. [`DevChain`] is the development chain that `demo` and tests run on; it lives in one file and answers as a
//! real node does, refusals included.

mod checks;
mod dev;
mod error;
mod hands;
mod head_watch;
mod node;
mod submissions;
mod traits;
mod types;
mod version;
mod wallet;

pub use checks::{check_commitment, check_weights};
pub use dev::{DevChain, DevChainSettings, DevFault, DevNode, DevNodeFault, DevNodeSettings, DevRuntime, Registration};
pub use error::ChainError;
pub use hands::{Kept, keep_same_hands};
pub use head_watch::HeadWatch;
pub use node::{NodeChain, NodeSettings};
pub use submissions::submissions;
pub use traits::{Chain, ChainFuture};
pub use types::{
    CommitmentData, Hyperparameters, Neuron, OpaqueField, RawCommitment, Receipt, WeightSubmission, WeightsForm,
    WeightsReceipt, opaque_kind,
};
pub use version::WEIGHTS_VERSION_KEY;
pub use wallet::{WalletError, WalletPlace, WalletRoot, read_hotkey, read_hotkey_address, write_dev_hotkey};
