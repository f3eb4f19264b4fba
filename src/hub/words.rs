//! How URLs, names and answers are put into words, and read out of them.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde::Serialize;

use crate::domain::printable;

/// The field of a quota.
const RATE_LIMIT: &str = "ratelimit";

/// `text` as a part of a path or a query, in which slashes stay slashes.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => escaped.push(byte.into()),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Which server, for people: host, and the port where it is not the usual one.
pub(super) fn server(url: &Url) -> String {
    let host = printable(url.host_str().unwrap_or("nowhere"), 120);
    url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
}

/// What was asked, for people: the path alone.
pub(super) fn what(url: &Url) -> String {
    printable(url.path(), 120)
}

pub(super) fn shown(url: &Url) -> String {
    printable(&format!("{}://{}{}", url.scheme(), server(url), url.path()), 120)
}

/// The path that a URL of `base` and `path` has when nothing in it was climbed over.
pub(super) fn path_of(base: &str, path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let prefix = Url::parse(base).map(|url| url.path().trim_end_matches('/').to_owned()).unwrap_or_default();
    format!("{prefix}{path}")
}

pub(super) fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("plain data always serialises")
}

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The time until a quota that is used up is new: `t` of the field `RateLimit` as in the IETF's drafts (`"api";r=0;t=55`), by
/// which the model hub says it.
pub(super) fn quota_after(headers: &HeaderMap) -> Option<Duration> {
    let quota = headers.get(RATE_LIMIT)?.to_str().ok()?;
    let seconds = quota.split([';', ',']).find_map(|part| part.trim().strip_prefix("t=")?.parse().ok())?;
    Some(Duration::from_secs(seconds))
}

/// `Retry-After` in either of its forms.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(SystemTime::from(date).duration_since(SystemTime::now()).unwrap_or_default())
}

/// The sentence in a refusal: the field that services use for it, or the text itself.
pub(super) fn message_of(body: &[u8]) -> String {
    let named = serde_json::from_slice::<serde_json::Value>(body).ok().and_then(|body| {
        let field = ["error", "message", "detail"].iter().find_map(|name| body.get(name))?;
        Some(field.as_str().map_or_else(|| field.to_string(), str::to_owned))
    });
    named.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_says_when_it_is_new() {
        let header = |text: &'static str| HeaderMap::from_iter([(RATE_LIMIT.parse().unwrap(), text.parse().unwrap())]);
        assert_eq!(quota_after(&header("\"api\";r=0;t=55")), Some(Duration::from_secs(55)));
        assert_eq!(quota_after(&header("\"resolvers\"; r=0; t=7, \"api\";r=1;t=9")), Some(Duration::from_secs(7)));
        for text in ["\"api\";r=0", "t=", "t=x"] {
            assert_eq!(quota_after(&header(text)), None, "{text}");
        }
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date() {
        let header = |text: &str| HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        assert_eq!(retry_after(&header("7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&header("Sun, 06 Nov 1994 08:49:37 GMT")), Some(Duration::ZERO));
        assert_eq!(retry_after(&header("soon")), None);
    }
}
