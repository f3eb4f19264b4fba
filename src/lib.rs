//! Robot-policy evaluation whose published scores any stranger can verify.
//!
//! The rows of the map, lower ones knowing nothing of upper ones, are described in `ARCHITECTURE.md`;
//! `tests/module_map.rs` holds this crate to them.

#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

// Pure: no I/O, no clock, no ambient randomness, not async.
pub mod domain;

pub mod admission;
pub mod beacon;
pub mod episode;
pub mod replay;
pub mod score;
pub mod sim;
pub mod transcript;

// Effects.
pub mod chain;
pub mod policy;
pub mod store;

pub mod service;

pub mod cli;
