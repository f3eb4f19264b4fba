//! The name of a repository on the model hub.

use std::fmt;
use std::str::FromStr;

/// Longest part of a name.
const MAX_PART_CHARS: usize = 96;

/// `owner/name`, checked: it can stand in a path as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoName {
    text: String,
    slash: usize,
}

/// A text that names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a repository is owner/name, of letters, digits, `-`, `_` and `.`, such as alice/policy")]
pub struct RepoNameError;

impl RepoName {
    /// The user or organisation.
    pub fn owner(&self) -> &str {
        &self.text[..self.slash]
    }

    /// The name below the owner.
    pub fn name(&self) -> &str {
        &self.text[self.slash + 1..]
    }

    /// Both.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for RepoName {
    type Err = RepoNameError;

    fn from_str(text: &str) -> Result<RepoName, RepoNameError> {
        let is_part = |part: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            part.len() <= MAX_PART_CHARS
                && part.bytes().all(allowed)
                && ends(part.bytes().next())
                && ends(part.bytes().last())
                && !part.contains("..")
        };
        match text.split_once('/') {
            Some((owner, name)) if is_part(owner) && is_part(name) => {
                Ok(RepoName { text: text.to_owned(), slash: owner.len() })
            }
            _ => Err(RepoNameError),
        }
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::RepoName;

    #[test]
    fn a_name_is_one_owner_and_one_name_that_climb_nowhere() {
        let repo: RepoName = "alice/policy-v1.2".parse().unwrap();
        assert_eq!((repo.owner(), repo.name()), ("alice", "policy-v1.2"));
        for text in ["policy", "a/b/c", "../b", "a/..", "a/b?x", "a/ b", "/b", "a/", "a/b.", &"a".repeat(97)] {
            assert!(text.parse::<RepoName>().is_err(), "{text}");
        }
    }
}
