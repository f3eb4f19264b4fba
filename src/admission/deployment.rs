//! Where a policy may run, by the text of its deployment alone. Addresses are guarded again when they are called.

use super::{Reason, ReasonCode};
use crate::domain::DeploymentRules;

/// Longest deployment: a URL around a DNS name of at most 253 characters.
const MAX_LEN: usize = 280;
/// Longest label of a DNS name (RFC 1035).
const MAX_LABEL: usize = 63;

/// Checks a deployment against the contest's rules: a platform's id such as `alice-policy`, or a URL of scheme and
/// host such as `https://alice-policy.chutes.ai`.
///
/// # Errors
/// The reason why it is refused.
pub fn check_deployment(deployment: &str, rules: &DeploymentRules) -> Result<(), Reason> {
    let malformed = |sentence: &str| Err(Reason::new(ReasonCode::DeploymentMalformed, sentence, deployment));
    let not_allowed = |sentence: String| Err(Reason::new(ReasonCode::DeploymentNotAllowed, sentence, deployment));
    if deployment.is_empty() || deployment.len() > MAX_LEN || !deployment.bytes().all(|byte| byte.is_ascii_graphic()) {
        return malformed("A deployment has 1 to 280 printable ASCII characters without spaces.");
    }
    if !deployment.contains([':', '/']) {
        if !is_id(deployment) {
            return malformed(
                "A platform's id has 1 to 63 of a-z, 0-9 and inner hyphens; commit the id as it is shown.",
            );
        }
        if !rules.hosts.iter().any(|pattern| pattern.starts_with("*.")) {
            return not_allowed("This contest names no platform whose ids it knows; commit a full URL.".into());
        }
        return Ok(());
    }
    let Some((scheme, host, port)) = split_url(deployment) else {
        return malformed("A deployment's URL has a scheme and a host only, such as https://alice-policy.chutes.ai.");
    };
    match scheme.as_str() {
        "https" => {}
        "http" if rules.allow_private_endpoints => {}
        "http" => return not_allowed("The contest asks for https.".into()),
        _ => return malformed("A deployment's URL begins with https://."),
    }
    if rules.allow_private_endpoints {
        return Ok(());
    }
    if port {
        return not_allowed("A port is allowed in contests on a local network only; leave it away.".into());
    }
    if !rules.hosts.iter().any(|pattern| matches(&host, pattern)) {
        let hosts = rules.hosts.join(", ");
        return not_allowed(format!("The contest allows only these hosts: {hosts}. Deploy there."));
    }
    Ok(())
}

/// Whether `text` is one lower-case label of a DNS name.
fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= MAX_LABEL
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && bytes.first().is_some_and(|byte| *byte != b'-')
        && bytes.last().is_some_and(|byte| *byte != b'-')
}

/// Scheme and host in lower case, and whether there is a port; `None` unless the URL is exactly these.
fn split_url(url: &str) -> Option<(String, String, bool)> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = match authority.strip_prefix('[') {
        Some(inner) => {
            let (address, after) = inner.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (address, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if let Some(port) = port {
        port.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        port.parse::<u16>().ok().filter(|port| *port > 0)?;
    }
    let is_name = host.split('.').all(|label| is_id(&label.to_ascii_lowercase()));
    (is_name || authority.starts_with('['))
        .then(|| (scheme.to_ascii_lowercase(), host.to_ascii_lowercase(), port.is_some()))
}

/// Whether `host` is what `pattern` describes; `*.` stands for exactly one label.
fn matches(host: &str, pattern: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => host == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(deployment: &str, private: bool) -> Result<(), ReasonCode> {
        let rules = DeploymentRules { allow_private_endpoints: private, ..DeploymentRules::default() };
        check_deployment(deployment, &rules).map_err(|reason| reason.code)
    }

    #[test]
    fn ids_and_urls_of_the_platform_are_allowed() {
        for good in ["alice-policy", "a", "x9", "https://alice-policy.chutes.ai", "HTTPS://Alice.Chutes.AI/"] {
            assert_eq!(verdict(good, false), Ok(()), "{good}");
        }
    }

    #[test]
    fn other_places_are_not_allowed() {
        for foreign in [
            "https://example.com",
            "https://chutes.ai",
            "https://a.b.chutes.ai",
            "https://alice.chutes.ai.example.com",
            "https://alice.chutes.ai:8443",
            "http://alice.chutes.ai",
            "https://127.0.0.1",
            "https://[::1]",
        ] {
            assert_eq!(verdict(foreign, false), Err(ReasonCode::DeploymentNotAllowed), "{foreign}");
        }
    }

    #[test]
    fn malformed_text_is_refused_everywhere() {
        for bad in [
            "",
            "Alice",
            "-alice",
            "a b",
            "chute_1",
            "../x",
            "a/b",
            "ftp://alice.chutes.ai",
            "https://user@alice.chutes.ai",
            "https://alice.chutes.ai/path",
            "https://alice.chutes.ai?x",
            "https://alice.chutes.ai#x",
            "https://alice.chutes.ai.",
            "https://",
            "https://alice.chutes.ai:0",
            "https://alice.chutes.ai:+80",
            "https://[::1",
            "https://a%2e.chutes.ai",
            "https://a\u{1b}.chutes.ai",
            &"a".repeat(64),
            &"https://a".repeat(40),
        ] {
            assert_eq!(verdict(bad, false), Err(ReasonCode::DeploymentMalformed), "{bad:?}");
            assert_eq!(verdict(bad, true), Err(ReasonCode::DeploymentMalformed), "{bad:?}");
        }
    }

    #[test]
    fn a_local_contest_takes_any_host_and_port() {
        for local in ["http://127.0.0.1:8001", "http://[::1]:9000", "http://localhost:1", "https://example.com"] {
            assert_eq!(verdict(local, true), Ok(()), "{local}");
        }
    }

    #[test]
    fn ids_need_a_platform() {
        let rules = DeploymentRules { hosts: vec!["policies.example.com".into()], ..DeploymentRules::default() };
        assert_eq!(check_deployment("alice", &rules).unwrap_err().code, ReasonCode::DeploymentNotAllowed);
        assert_eq!(check_deployment("https://policies.example.com", &rules), Ok(()));
    }
}
