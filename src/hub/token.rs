//! Tokens of services: from the environment or from files, never from a command line.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use reqwest::header::HeaderValue;

use super::HubError;
use crate::net::Secret;

/// Longest token; those of today have some hundred characters.
const MAX_TOKEN_BYTES: usize = 16 << 10;

/// A bearer token of one service. Never shown: its `Debug` hides it, and it cannot be serialised.
#[derive(Debug, Clone)]
pub struct Token {
    secret: Secret,
    variable: &'static str,
}

/// Where a service's token may stand, the first that is set counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPlaces {
    /// The variable with the token itself.
    pub variable: &'static str,
    /// The variable with the path of a file.
    pub file_variable: &'static str,
    /// The file below the home folder in which the service's own program keeps it.
    pub home_file: Option<&'static str>,
}

impl TokenPlaces {
    /// The model hub's: `HF_TOKEN`, the file that `HF_TOKEN_PATH` names, or what `hf auth login` wrote.
    pub const HUGGING_FACE: TokenPlaces = TokenPlaces {
        variable: "HF_TOKEN",
        file_variable: "HF_TOKEN_PATH",
        home_file: Some(".cache/huggingface/token"),
    };
    /// Chutes': `CHUTES_API_KEY`, or the file that `CHUTES_API_KEY_FILE` names.
    pub const CHUTES: TokenPlaces =
        TokenPlaces { variable: "CHUTES_API_KEY", file_variable: "CHUTES_API_KEY_FILE", home_file: None };

    /// The token, where there is one. `environment` looks a variable up.
    ///
    /// # Errors
    /// [`HubError::Token`] for one that is there and cannot be used.
    pub fn find(&self, environment: impl Fn(&str) -> Option<OsString>) -> Result<Option<Token>, HubError> {
        let set = |name| environment(name).filter(|value| !value.is_empty());
        if let Some(text) = set(self.variable) {
            return Token::new(&text.to_string_lossy(), self.variable).map(Some);
        }
        if let Some(path) = set(self.file_variable) {
            return Token::read(Path::new(&path), self.variable).map(Some);
        }
        let home = set("HOME").map(PathBuf::from);
        let file = self.home_file.and_then(|file| Some(home?.join(file))).filter(|file| file.is_file());
        file.map(|file| Token::read(&file, self.variable)).transpose()
    }

    /// The files in which the token may stand, there or not.
    pub fn files(&self, environment: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
        let set = |name| environment(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let kept = self.home_file.and_then(|file| Some(set("HOME")?.join(file)));
        set(self.file_variable).into_iter().chain(kept).collect()
    }

    /// The token from this process's environment.
    ///
    /// # Errors
    /// As [`TokenPlaces::find`].
    pub fn of_process(&self) -> Result<Option<Token>, HubError> {
        self.find(|name| std::env::var_os(name))
    }
}

impl Token {
    /// Takes a token; `variable` is where a person would put another one.
    ///
    /// # Errors
    /// [`HubError::Token`] when it is empty or has characters that cannot stand in a header.
    pub fn new(text: &str, variable: &'static str) -> Result<Token, HubError> {
        Token::checked(text, variable, variable)
    }

    /// Reads a token from a file.
    ///
    /// # Errors
    /// [`HubError::Token`].
    pub fn read(path: &Path, variable: &'static str) -> Result<Token, HubError> {
        let place = path.display().to_string();
        let failed = |cause: String| HubError::Token { place: place.clone(), cause };
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(MAX_TOKEN_BYTES as u64 + 1).read_to_string(&mut text));
        read.map_err(|error| failed(error.to_string()))?;
        Token::checked(&text, variable, &place)
    }

    fn checked(text: &str, variable: &'static str, place: &str) -> Result<Token, HubError> {
        let failed = |cause: &str| HubError::Token { place: place.to_owned(), cause: cause.to_owned() };
        let secret = Secret::new(text);
        match secret.expose() {
            "" => Err(failed("it is empty")),
            text if text.len() > MAX_TOKEN_BYTES => Err(failed("it is too long; is it the right file?")),
            text if text.bytes().any(|byte| !byte.is_ascii_graphic()) => {
                Err(failed("it has characters that no token has; is it one line, without quotes?"))
            }
            _ => Ok(Token { secret, variable }),
        }
    }

    /// The variable that the token comes from.
    pub fn variable(&self) -> &'static str {
        self.variable
    }

    /// The token itself, for the program that is handed it in its environment.
    pub fn expose(&self) -> &str {
        self.secret.expose()
    }

    /// The value of `Authorization`, marked so that nothing shows it.
    pub(super) fn header(&self) -> Result<HeaderValue, HubError> {
        let failed = |_| HubError::Token { place: self.variable.to_owned(), cause: "no header may hold it".to_owned() };
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.expose())).map_err(failed)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `text` without the token, should a server have repeated it.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        text.replace(self.expose(), "…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_counts_before_the_file_and_the_file_before_the_home_folder() {
        let home = tempfile::tempdir().unwrap();
        let kept = home.path().join(".cache/huggingface");
        std::fs::create_dir_all(&kept).unwrap();
        std::fs::write(kept.join("token"), "hf_kept\n").unwrap();
        let named = home.path().join("named");
        std::fs::write(&named, "hf_named\n").unwrap();
        let found = |variables: &[(&str, &str)]| {
            let lookup = |name: &str| {
                let set = variables.iter().find(|(variable, _)| *variable == name);
                set.map(|(_, value)| OsString::from(value)).or((name == "HOME").then(|| home.path().into()))
            };
            let token = TokenPlaces::HUGGING_FACE.find(lookup).unwrap();
            token.map(|token| token.expose().to_owned())
        };
        let path = named.to_str().unwrap();
        assert_eq!(found(&[("HF_TOKEN", "hf_set"), ("HF_TOKEN_PATH", path)]).unwrap(), "hf_set");
        assert_eq!(found(&[("HF_TOKEN", ""), ("HF_TOKEN_PATH", path)]).unwrap(), "hf_named");
        assert_eq!(found(&[]).unwrap(), "hf_kept");
        assert!(TokenPlaces::CHUTES.find(|_| None).unwrap().is_none());
    }

    #[test]
    fn a_token_is_never_shown_and_a_broken_one_is_refused_without_being_quoted() {
        let token = Token::new("hf_very_secret", "HF_TOKEN").unwrap();
        assert!(!format!("{token:?} {:?}", token.header().unwrap()).contains("very"));
        assert_eq!(token.hidden_in("bad token hf_very_secret"), "bad token …");
        for broken in ["", "hf very secret", "hf_very\u{7f}", &"very".repeat(5_000)] {
            let error = Token::new(broken, "HF_TOKEN").unwrap_err().to_string();
            assert!(error.contains("HF_TOKEN") && !error.contains("very"), "{error}");
        }
    }
}
