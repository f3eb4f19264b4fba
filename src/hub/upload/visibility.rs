//! Who sees a repository.

use super::wire::{Described, Settings};
use super::{MAX_ANSWER_BYTES, UploadError, nonsense};
use crate::hub::{HubError, HubHttp, RepoName};

/// Who sees a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visibility {
    /// There is none that we may see.
    Missing,
    /// Its owner.
    Private,
    /// Everybody.
    Public,
}

/// Who sees a repository now.
///
/// # Errors
/// The hub's.
pub async fn visibility(http: &HubHttp, repo: &RepoName) -> Result<Visibility, UploadError> {
    match http.get_json::<Described>(&format!("/api/models/{repo}"), MAX_ANSWER_BYTES).await {
        Ok(Described { private: true }) => Ok(Visibility::Private),
        Ok(Described { private: false }) => Ok(Visibility::Public),
        Err(HubError::NotFound { .. }) => Ok(Visibility::Missing),
        Err(error) => Err(error.into()),
    }
}

/// Lets everybody see a repository. Gives whether this call did it; otherwise it was so before.
///
/// # Errors
/// The hub's, also when the repository is private afterwards.
pub async fn publish(http: &HubHttp, repo: &RepoName) -> Result<bool, UploadError> {
    if visibility(http, repo).await? == Visibility::Public {
        return Ok(false);
    }
    let path = format!("/api/models/{repo}/settings");
    http.put_json(&path, &Settings { private: false }, MAX_ANSWER_BYTES).await?;
    match visibility(http, repo).await? {
        Visibility::Public => Ok(true),
        _ => Err(nonsense(repo.as_str(), "it is still private; make it public in its settings on the hub")),
    }
}
