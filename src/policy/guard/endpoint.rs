//! From a claim's deployment to a place that may be called.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use reqwest::Url;

use super::check_address;
use crate::domain::{DeploymentRules, printable};

/// Longest deployment text that is looked at; a DNS name has at most 253 characters.
const MAX_DEPLOYMENT_LEN: usize = 280;
/// Longest label of a DNS name (RFC 1035).
const MAX_LABEL_LEN: usize = 63;

/// Why a deployment is no endpoint that this contest calls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{deployment:?} may not be called: {why}")]
pub struct EndpointRefused {
    deployment: String,
    why: String,
}

/// A policy server that may be called: scheme, host and port, checked against the contest's rules.
///
/// It can only be made by [`Endpoint::parse`] and [`Endpoint::own`]. Its host name is checked again, as
/// addresses, each time a connection is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
    own: bool,
}

impl Endpoint {
    /// Reads a claim's deployment: a platform's slug such as `alice-policy`, which becomes a host by the
    /// contest's first `*.` pattern, or a URL of scheme, host and port alone.
    ///
    /// # Errors
    /// [`EndpointRefused`] saying which rule does not hold.
    pub fn parse(deployment: &str, rules: &DeploymentRules) -> Result<Endpoint, EndpointRefused> {
        let refuse = |why: String| EndpointRefused { deployment: printable(deployment, 80), why };
        if deployment.len() > MAX_DEPLOYMENT_LEN {
            return Err(refuse(format!("longer than {MAX_DEPLOYMENT_LEN} characters")));
        }
        if !deployment.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse("only printable ASCII characters without spaces are allowed".into()));
        }
        let base = if deployment.contains(':') || deployment.contains('/') {
            Url::parse(deployment).map_err(|error| refuse(format!("not a URL ({error})")))?
        } else {
            slug_url(deployment, rules).map_err(refuse)?
        };
        check_url(&base, rules).map_err(refuse)?;
        Ok(Endpoint { base, own: false })
    }

    /// A server of our own on loopback: the known-good probe, which is called in every contest.
    ///
    /// # Panics
    /// When `address` is not a loopback address.
    pub fn own(address: SocketAddr) -> Endpoint {
        assert!(address.ip().is_loopback(), "a server of our own listens on loopback, not on {address}");
        let base = Url::parse(&format!("http://{address}")).expect("a socket address makes a URL");
        Endpoint { base, own: true }
    }

    /// The host in lower case, an IP address as it is, without brackets.
    pub fn host(&self) -> &str {
        bare_host(&self.base)
    }

    /// The port, 443 or 80 where the deployment names none.
    pub fn port(&self) -> u16 {
        self.base.port_or_known_default().expect("http and https have default ports")
    }

    /// Whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// Whether its host is what `pattern` describes, `*.` standing for exactly one label.
    pub fn is_at(&self, pattern: &str) -> bool {
        host_matches(self.host(), pattern)
    }

    /// Whether this is our own server, exempt from the contest's rules.
    pub(in crate::policy) fn is_own(&self) -> bool {
        self.own
    }

    /// The URL of one call, `path` beginning with a slash.
    pub(in crate::policy) fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str().trim_end_matches('/'))
    }
}

/// Turns a validated slug into the URL of the contest's platform.
fn slug_url(slug: &str, rules: &DeploymentRules) -> Result<Url, String> {
    let ends_ok = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = slug.as_bytes();
    let label_ok = bytes.len() <= MAX_LABEL_LEN
        && ends_ok(bytes.first())
        && ends_ok(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-');
    if !label_ok {
        return Err("a platform's slug has 1 to 63 of a-z, 0-9 and inner hyphens; commit the slug".into());
    }
    let platform = rules.hosts.iter().find_map(|pattern| pattern.strip_prefix("*."));
    let platform = platform.ok_or("this contest names no platform; commit a full URL")?;
    Url::parse(&format!("https://{slug}.{platform}")).map_err(|error| format!("not a host name ({error})"))
}

fn check_url(url: &Url, rules: &DeploymentRules) -> Result<(), String> {
    match url.scheme() {
        "https" => {}
        "http" if rules.allow_private_endpoints => {}
        "http" => return Err("https is required".into()),
        _ => return Err("the scheme must be https".into()),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL with a user name or password is refused".into());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err("only scheme, host and port are allowed; /health, /reset and /act are added".into());
    }
    let host = bare_host(url);
    if host.is_empty() || host.ends_with('.') {
        return Err("a full host name without a dot at its end is needed".into());
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        // The HTTP client does not ask a resolver about literal addresses, so they are checked here.
        check_address(address, rules.allow_private_endpoints).map_err(|refused| refused.to_string())?;
    }
    if rules.allow_private_endpoints {
        return Ok(());
    }
    if url.port().is_some() {
        return Err("a port is allowed on a local network only".into());
    }
    if !rules.hosts.iter().any(|pattern| host_matches(host, pattern)) {
        return Err(format!("the host is none of this contest's: {}", rules.hosts.join(", ")));
    }
    Ok(())
}

/// Whether `host` is what `pattern` describes; `*.` stands for exactly one label.
pub(in crate::policy) fn host_matches(host: &str, pattern: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => host == pattern,
    }
}

fn bare_host(url: &Url) -> &str {
    url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::Endpoint;
    use crate::domain::DeploymentRules;

    fn public(deployment: &str) -> Result<String, String> {
        let parsed = Endpoint::parse(deployment, &DeploymentRules::default());
        parsed.map(|endpoint| endpoint.to_string()).map_err(|error| error.to_string())
    }

    fn local(deployment: &str) -> Result<String, String> {
        let rules = DeploymentRules { allow_private_endpoints: true, ..DeploymentRules::default() };
        let parsed = Endpoint::parse(deployment, &rules);
        parsed.map(|endpoint| endpoint.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_slug_becomes_a_host_of_the_platform() {
        assert_eq!(public("alice-policy").unwrap(), "https://alice-policy.chutes.ai");
        assert_eq!(public("https://alice-policy.chutes.ai/").unwrap(), "https://alice-policy.chutes.ai");
        assert_eq!(public("HTTPS://Alice.Chutes.AI").unwrap(), "https://alice.chutes.ai");
    }

    #[test]
    fn nothing_can_be_smuggled_into_a_slug() {
        for slug in [
            "",
            "-a",
            "a-",
            "Alice",
            "a_b",
            "a.b",
            "a@evil.com",
            "a#",
            "a?x",
            "a%2e",
            "evil.com#",
            "a\\b",
            "a b",
            "a\nb",
            "é",
            "evil.com\\.chutes.ai",
        ] {
            assert!(public(slug).is_err(), "{slug:?}");
        }
        assert!(public(&"a".repeat(64)).is_err());
        assert!(public(&"a".repeat(10_000)).unwrap_err().len() < 300);
    }

    #[test]
    fn foreign_hosts_and_forms_are_refused() {
        for url in [
            "https://evil.com",
            "https://chutes.ai",
            "https://a.b.chutes.ai",
            "https://evilchutes.ai",
            "https://a.chutes.ai.evil.com",
            "https://a.chutes.ai.",
            "https://a.chutes.ai:8443",
            "http://a.chutes.ai",
            "ftp://a.chutes.ai",
            "file:///etc/passwd",
            "https://user@a.chutes.ai",
            "https://a.chutes.ai/admin",
            "https://a.chutes.ai/?x=1",
            "https://a.chutes.ai/#x",
            "//a.chutes.ai",
            "https://evil.com\\.chutes.ai",
            "https://evil.com%2f.chutes.ai",
            "https://",
            "https:",
            "://x",
            "javascript:alert(1)",
            "https://a.chutes.ai\u{1b}[2J",
        ] {
            assert!(public(url).is_err(), "{url:?}");
        }
    }

    #[test]
    fn literal_addresses_are_checked_in_every_spelling() {
        for url in [
            "http://169.254.169.254",
            "http://[fe80::1]",
            "http://0xa9fea9fe",
            "http://2852039166",
            "http://0251.0376.0251.0376",
            "http://[::ffff:169.254.169.254]",
            "http://0.0.0.0:8001",
            "http://0",
        ] {
            assert!(local(url).is_err(), "{url}");
            assert!(public(&url.replace("http:", "https:")).is_err(), "{url}");
        }
        let rules = DeploymentRules { hosts: vec!["127.0.0.1".into(), "[::1]".into()], ..DeploymentRules::default() };
        assert!(Endpoint::parse("https://127.1", &rules).is_err(), "a pattern does not lift the address check");
    }

    #[test]
    fn a_local_network_may_use_loopback_and_plain_http() {
        assert_eq!(local("http://localhost:8001").unwrap(), "http://localhost:8001");
        assert_eq!(local("http://127.0.0.1:8001/").unwrap(), "http://127.0.0.1:8001");
        assert_eq!(local("http://[::1]:8001").unwrap(), "http://[::1]:8001");
        assert_eq!(local("alice").unwrap(), "https://alice.chutes.ai");
    }

    #[test]
    fn a_refusal_shows_foreign_text_escaped() {
        let error = public("https://a\u{1b}]0;owned\u{7}.chutes.ai").unwrap_err();
        assert!(!error.chars().any(char::is_control), "{error:?}");
    }
}
