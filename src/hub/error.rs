//! What can go wrong with a service that a miner uses.

use std::io;
use std::time::Duration;

/// The error of this layer. Servers' words are made safe to show; no message holds a token or the query of a URL, where
/// storage services put signatures.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Status 401.
    #[error("{server} does not accept the token, or needs one; make a new one there and put it into {variable}")]
    Unauthorised {
        /// Who said so.
        server: String,
        /// The environment variable that the token comes from.
        variable: &'static str,
        /// The server's name for the error, such as the hub's `RepoNotFound`, or empty.
        code: String,
    },
    /// Status 403.
    #[error("{server} does not let this token do that: {message}; a token with the right to write may be needed")]
    Forbidden {
        /// Who said so.
        server: String,
        /// The server's words.
        message: String,
        /// The server's name for the error, such as the hub's `GatedRepo`, or empty.
        code: String,
    },
    /// Status 404, which a private repository gives to strangers too.
    #[error("{what} is not on {server}, or this token may not see it")]
    NotFound {
        /// Who said so.
        server: String,
        /// What was asked for.
        what: String,
        /// The server's name for the error, such as the hub's `RevisionNotFound`, or empty.
        code: String,
    },
    /// Status 429, and no patience is left.
    #[error("{server} has had enough requests for now{}; later the same command goes on where it stopped",
        .retry_after.map_or(String::new(), |wait| format!(" and asks to wait {} s", wait.as_secs())))]
    RateLimited {
        /// Who said so.
        server: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// A status of 500 or more.
    #[error("{server} has a fault of its own (status {status}); later the same command goes on where it stopped")]
    Server {
        /// Who said so.
        server: String,
        /// The status.
        status: u16,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// Another status that is no success.
    #[error("{server} refused {what} (status {status}): {message}")]
    Refused {
        /// Who said so.
        server: String,
        /// What was asked.
        what: String,
        /// The status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// No connection could be made.
    #[error("{server} cannot be reached: {cause}; is the network there, is the address right?")]
    Unreachable {
        /// Who.
        server: String,
        /// Why.
        cause: String,
    },
    /// The connection broke before everything was there.
    #[error("the connection to {server} broke: {cause}; the same command goes on where it stopped")]
    Cut {
        /// Who.
        server: String,
        /// What happened.
        cause: String,
    },
    /// Nothing came or went for too long.
    #[error("{server} let {seconds} s pass without a byte; the same command goes on where it stopped")]
    Stalled {
        /// Who.
        server: String,
        /// For how long.
        seconds: u64,
    },
    /// An answer is longer than it may be.
    #[error(
        "the answer of {server} for {what} is longer than the {cap_bytes} bytes that it may have; is its address right?"
    )]
    TooLarge {
        /// Who.
        server: String,
        /// What was asked.
        what: String,
        /// The bound.
        cap_bytes: usize,
    },
    /// An answer that cannot be read.
    #[error(
        "the answer of {server} for {what} cannot be read: {cause}; is its address right, does a proxy answer for it?"
    )]
    Malformed {
        /// Who.
        server: String,
        /// What was asked.
        what: String,
        /// Why.
        cause: String,
    },
    /// A redirect that may not be followed.
    #[error("{server} redirects {what} {cause}; is its address right?")]
    Redirect {
        /// Who.
        server: String,
        /// What was asked.
        what: String,
        /// Why it was not followed.
        cause: String,
    },
    /// What stands behind a URL changed while it was read.
    #[error("{what} on {server} changed while it was read; read it at a full commit sha")]
    Changed {
        /// Who.
        server: String,
        /// What was read.
        what: String,
    },
    /// An address that cannot be used.
    #[error("{address:?} is no address of a service: {cause}")]
    Address {
        /// The text, made safe to show.
        address: String,
        /// Why.
        cause: &'static str,
    },
    /// A token that cannot be used.
    #[error("the token from {place} cannot be used: {cause}")]
    Token {
        /// Where it was read: a variable or a file.
        place: String,
        /// Why.
        cause: String,
    },
    /// TLS or the client could not be set up.
    #[error("cannot verify https servers: {0}; install the system's CA certificates (package ca-certificates)")]
    Tls(String),
    /// A file on this machine could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// The system's error.
        source: io::Error,
    },
}

impl HubError {
    /// Whether the same request may succeed later: nothing in it is wrong.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            HubError::RateLimited { .. }
                | HubError::Server { .. }
                | HubError::Unreachable { .. }
                | HubError::Cut { .. }
                | HubError::Stalled { .. }
        )
    }

    /// Whether nobody knows what the server did with the request: it may have been carried out.
    pub fn is_of_unknown_fate(&self) -> bool {
        matches!(self, HubError::Server { .. } | HubError::Cut { .. } | HubError::Stalled { .. })
    }

    /// How long the server asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            HubError::RateLimited { retry_after, .. } | HubError::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The server's own name for the error, from its header `X-Error-Code`; empty where it has none.
    pub fn code(&self) -> &str {
        match self {
            HubError::Unauthorised { code, .. }
            | HubError::Forbidden { code, .. }
            | HubError::NotFound { code, .. } => code,
            _ => "",
        }
    }

    /// The status of an answer that was a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            HubError::Unauthorised { .. } => Some(401),
            HubError::Forbidden { .. } => Some(403),
            HubError::NotFound { .. } => Some(404),
            HubError::RateLimited { .. } => Some(429),
            HubError::Server { status, .. } | HubError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}
