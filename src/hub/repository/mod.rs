//! Repositories of the model hub as everybody may see them: described at one revision, their tensors read as a stream.
//!
//! [`HubReader`] asks without any token, so that what it finds is what a stranger finds. What a miner did wrong comes back as a
//! description, which the rules of [`crate::admission`] judge; what the hub, the network or this machine did wrong is a
//! [`DescribeError`] and says nothing about the miner.

mod cache;
mod describe;
mod error;
mod folder;
mod proof;
mod stream;
#[allow(missing_docs, reason = "the fields are the API's own")]
mod wire;

pub use cache::ReadCache;
pub use describe::{DEFAULT_ENDPOINT, ENDPOINT_VARIABLE, HubReader, Read, Reading};
pub use error::DescribeError;
pub use folder::describe_folder;
