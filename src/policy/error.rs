//! What can be wrong with our own side of talking to policies.
//!
//! What policies do wrong is no error here: it is a [`Fault`](crate::domain::Fault) of the episode or a
//! [`MissReason`](crate::domain::MissReason) of a step.

use std::net::SocketAddr;

/// The error of this layer.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// TLS could not be set up.
    #[error("cannot verify https servers: {0}; install the system's CA certificates (package ca-certificates)")]
    Tls(String),
    /// A bearer credential has characters that no header may have.
    #[error("the credential for {host_pattern} has characters that cannot stand in a header; check its file")]
    Credential {
        /// The hosts it is for.
        host_pattern: String,
    },
    /// The HTTP client could not be built.
    #[error("cannot build the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
    /// A server of ours could not listen.
    #[error("cannot listen on {address}: {source}; is another server running there? choose another port, or 0 for any")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A policy name that is none of ours.
    #[error("there is no policy {name:?}; choose one of: {known}")]
    UnknownPolicy {
        /// The name, made safe to show.
        name: String,
        /// All names.
        known: String,
    },
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
}
