//! The long-running roles.

pub mod api;
pub mod executor;
pub mod http_server;
pub mod published;
pub mod settings;
pub mod shutdown;
pub mod task_client;
pub mod task_wire;
pub mod tasks;
pub mod trial;
pub mod verifier;
