//! `GET /health`.

use serde::{Deserialize, Serialize};

use super::WireEncoding;

/// Longest list of encodings that is looked at.
const MAX_ENCODINGS: usize = 16;

/// The answer to `GET /health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// `healthy`.
    pub status: String,
    /// Whether the model is ready to act.
    pub model_loaded: bool,
    /// Seconds since the server started.
    pub uptime_seconds: f64,
    /// Encodings of `/act`, for servers that know more than JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<String>,
}

/// The encoding to use with a server that answered `/health` with `body`: msgpack where it is offered, otherwise
/// JSON. Nothing else of the answer is needed, so an answer that cannot be read, or an old server's without
/// `encodings`, means JSON too.
pub fn offered_encoding(body: &[u8]) -> WireEncoding {
    #[derive(Deserialize)]
    struct Offer {
        #[serde(default)]
        encodings: Vec<String>,
    }
    let offer: Vec<String> = serde_json::from_slice::<Offer>(body).map(|offer| offer.encodings).unwrap_or_default();
    let has_msgpack = offer.iter().take(MAX_ENCODINGS).any(|name| name == WireEncoding::Msgpack.as_str());
    if has_msgpack { WireEncoding::Msgpack } else { WireEncoding::Json }
}

#[cfg(test)]
mod tests {
    use super::{WireEncoding, offered_encoding};

    #[test]
    fn msgpack_is_used_where_it_is_offered() {
        assert_eq!(offered_encoding(br#"{"status":"healthy","encodings":["json","msgpack"]}"#), WireEncoding::Msgpack);
    }

    #[test]
    fn anything_else_means_json() {
        for body in [&br#"{"status":"healthy","model_loaded":true,"uptime_seconds":1.5}"#[..], b"", b"ok", b"[[[["] {
            assert_eq!(offered_encoding(body), WireEncoding::Json);
        }
        assert_eq!(offered_encoding(br#"{"encodings":["json"]}"#), WireEncoding::Json);
        assert_eq!(offered_encoding(br#"{"encodings":"msgpack"}"#), WireEncoding::Json);
    }
}
