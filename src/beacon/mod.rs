//! From a block hash to every seed of a cycle.

mod dev_chain;

pub use dev_chain::dev_block_hash;
