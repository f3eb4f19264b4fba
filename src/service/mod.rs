//! The long-running roles.

pub mod api;
pub mod appliance;
pub mod backup;
pub mod build_identity;
pub mod chain_access;
pub mod claims;
pub mod credentials;
pub mod demo;
pub mod evidence;
pub mod executor;
pub mod files;
pub mod footage;
pub mod http_server;
pub mod media;
mod panic_text;
pub mod published;
pub mod roles;
pub mod scheduler;
pub mod settings;
pub mod shutdown;
pub mod supervision;
pub mod task_client;
pub mod task_wire;
pub mod tasks;
pub mod trial;
pub mod validator;
pub mod verifier;
