//! Robot-policy evaluation whose published scores any stranger can verify.
//!
//! The rows of the map, lower ones knowing nothing of upper ones, are described in `ARCHITECTURE.md`;
//! `tests/module_map.rs` holds this crate to them.

#![warn(missing_docs)]
#![deny(unsafe_op_in_unsafe_fn)]

// Pure: no I/O, no clock, no ambient randomness, not async.
#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod domain;

#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod admission;
#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod beacon;
#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod episode;
#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod replay;
#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod score;
#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod sim;
#[deny(clippy::disallowed_methods, clippy::disallowed_types)]
pub mod transcript;

// Effects.
pub mod chain;
pub mod hub;
pub mod net;
pub mod policy;
pub mod store;

pub mod service;

pub mod cli;
