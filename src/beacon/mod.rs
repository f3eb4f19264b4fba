//! From a block hash to the seed of an episode.
//!
//! block hash → [`BeaconOutput`] (the operator's VRF, or in development a plain hash) → [`cycle_seed`] →
//! [`episode_seed`] → [`SubStream`]s of random numbers; beside it [`policy_seed`], the only value that a miner is told.
//! Everything here is a pure function: the same inputs give the same bytes on every machine and at every time.

mod artefact;
mod dev_chain;
mod error;
mod key;
mod output;
mod seeds;
mod substream;
mod vrf;

pub use artefact::Beacon;
pub use dev_chain::{DEFAULT_DEV_CHAIN, dev_block_hash, dev_genesis};
pub use error::BeaconError;
pub use key::{OperatorKey, Signature, dev_seed, verify_signature, verify_transaction};
pub use output::{BeaconOutput, dev_output, vrf_input};
pub use seeds::{cycle_seed, episode_seed, policy_seed};
pub use substream::SubStream;
pub use vrf::{VrfProof, verify_vrf};
