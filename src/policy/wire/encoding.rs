//! The encodings of observations and actions.

use std::fmt;

use crate::domain::Encoding;

/// How observations and actions are written on the wire. Everything but `/act` is always JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WireEncoding {
    /// JSON, which every server speaks.
    #[default]
    Json,
    /// msgpack, for servers that offer it in `/health`.
    Msgpack,
}

impl WireEncoding {
    /// The name as it stands in `/health` and in transcripts.
    pub fn as_str(self) -> &'static str {
        match self {
            WireEncoding::Json => "json",
            WireEncoding::Msgpack => "msgpack",
        }
    }

    /// The media type of a body in this encoding.
    pub fn media_type(self) -> &'static str {
        match self {
            WireEncoding::Json => "application/json",
            WireEncoding::Msgpack => "application/msgpack",
        }
    }

    /// The encoding of a body with this `Content-Type`; `None` when it names neither.
    pub fn of_media_type(content_type: &str) -> Option<WireEncoding> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        [WireEncoding::Json, WireEncoding::Msgpack]
            .into_iter()
            .find(|encoding| essence.eq_ignore_ascii_case(encoding.media_type()))
    }
}

impl fmt::Display for WireEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<WireEncoding> for Encoding {
    fn from(encoding: WireEncoding) -> Encoding {
        match encoding {
            WireEncoding::Json => Encoding::Json,
            WireEncoding::Msgpack => Encoding::Msgpack,
        }
    }
}
