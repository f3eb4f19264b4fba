//! The address of a service.

use reqwest::Url;

use super::HubError;
use super::words::shown;
use crate::domain::printable;

/// Reads the address of a service: `https://` or `http://`, a host, and perhaps a port and a path before all others.
///
/// # Errors
/// [`HubError::Address`].
pub fn parse_endpoint(text: &str) -> Result<Url, HubError> {
    let url = text.parse().map_err(|_| {
        // What stands before an @ could be a password.
        let shown = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
        HubError::Address { address: printable(shown, 120), cause: "it is no URL, such as https://hub.example" }
    })?;
    check_endpoint(&url).map(|()| url)
}

/// Whether a URL is the address of a service.
///
/// # Errors
/// [`HubError::Address`], which does not repeat a secret of the URL.
pub(super) fn check_endpoint(url: &Url) -> Result<(), HubError> {
    let refuse = |cause| Err(HubError::Address { address: shown(url), cause });
    if !matches!(url.scheme(), "https" | "http") {
        return refuse("the scheme must be https, or http on a local network");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("it holds a user name or password; tokens come from the environment or from files");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("it has a query or a fragment");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_endpoint;

    #[test]
    fn an_address_has_a_host_and_no_secret() {
        for text in ["https://hub.example", "http://127.0.0.1:8080/mirror/"] {
            assert_eq!(parse_endpoint(text).unwrap().as_str().trim_end_matches('/'), text.trim_end_matches('/'));
        }
        for text in ["", "hub.example", "ftp://hub.example", "https://", "https://h/?a=b", "https://h/#a"] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
        for text in ["https://alice:secret@hub.example", "alice/secret@hub.example"] {
            let error = parse_endpoint(text).unwrap_err().to_string();
            assert!(error.contains("hub.example") && !error.contains("secret"), "{error}");
        }
    }
}
