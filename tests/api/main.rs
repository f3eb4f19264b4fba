//! The REST API over real connections, one file per group of endpoints.

#[path = "../support/mod.rs"]
mod support;

mod credentials;
mod episodes;
mod executors;
mod openapi;
mod published;
mod requests;
mod server;
mod system;
mod transcripts;
