//! The name of a repository on the model hub.

use std::fmt;
use std::str::FromStr;

use crate::admission::is_repo_name;

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
        match text.find('/') {
            Some(slash) if is_repo_name(text) => Ok(RepoName { text: text.to_owned(), slash }),
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
        for text in ["policy", "a/b/c", "../b", "a/..", "a/b?x", "a/ b", "/b", "a/", "a/b.", "a--b/c", &"a".repeat(97)]
        {
            assert!(text.parse::<RepoName>().is_err(), "{text}");
        }
    }
}
