//! The long-running roles.

pub mod executor;
pub mod settings;
pub mod shutdown;
pub mod tasks;
pub mod trial;
pub mod verifier;
