//! What all our HTTP clients share: how servers are verified, and credentials that are never shown.

mod secret;
mod tls;

pub use secret::Secret;
pub use tls::client_config;
