//! The TLS configuration of connections to servers.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// Builds the configuration: ring, the system's roots, HTTP/1.1. Loading the roots takes tens of milliseconds,
/// so it is done once; clones share them.
///
/// Without any root on this machine `required` decides: an error, or a configuration that trusts nobody, with
/// which only plain http works.
///
/// # Errors
/// When this machine has no root certificates and they are `required`.
pub fn client_config(required: bool) -> Result<ClientConfig, rustls::Error> {
    let builder = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
    };
    let mut config = match builder()?.with_platform_verifier() {
        Ok(verified) => verified.with_no_client_auth(),
        Err(error) if required => return Err(error),
        Err(_) => {
            let nobody = builder()?.with_root_certificates(RootCertStore::empty());
            nobody.with_no_client_auth()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
