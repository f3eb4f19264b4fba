//! The one error of every parser at the border.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::text::printable;

/// A text from outside that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not a valid {what}: {hint}")]
pub struct ParseError {
    what: &'static str,
    text: String,
    hint: String,
}

impl ParseError {
    /// Describes that `text` is no `what`; `hint` says what was expected.
    pub fn new(what: &'static str, text: &str, hint: impl fmt::Display) -> Self {
        ParseError { what, text: printable(text, 80), hint: hint.to_string() }
    }
}

/// Deserialises a value from its text form, for newtypes whose JSON is a string.
pub(crate) fn parse_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = ParseError>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}
