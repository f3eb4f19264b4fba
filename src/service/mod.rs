//! The long-running roles.

pub mod settings;
pub mod shutdown;
pub mod tasks;
