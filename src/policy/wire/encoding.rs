//! The encodings of observations and actions.

use std::fmt;

/// How observations and actions are written. Everything but `/act` is always JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// JSON, which every server speaks.
    #[default]
    Json,
    /// msgpack, for servers that offer it in `/health`.
    MsgPack,
}

impl Encoding {
    /// The name as it stands in `/health` and in transcripts.
    pub fn as_str(self) -> &'static str {
        match self {
            Encoding::Json => "json",
            Encoding::MsgPack => "msgpack",
        }
    }

    /// The media type of a body in this encoding.
    pub fn media_type(self) -> &'static str {
        match self {
            Encoding::Json => "application/json",
            Encoding::MsgPack => "application/msgpack",
        }
    }

    /// The encoding of a body with this `Content-Type`; `None` when it names neither.
    pub fn of_media_type(content_type: &str) -> Option<Encoding> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        [Encoding::Json, Encoding::MsgPack]
            .into_iter()
            .find(|encoding| essence.eq_ignore_ascii_case(encoding.media_type()))
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
