//! Who may work on tasks.

use std::net::SocketAddr;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jiff::Timestamp;

use super::error::ApiError;
use crate::domain::{Digest, ExecutorId};
use crate::store::{ApiKeyRole, Store};

/// Longest credential that is looked at; keys are 72 characters.
const MAX_KEY_BYTES: usize = 256;

/// How callers of the task endpoints are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By an API key, which is bound to one executor name.
    Keys,
    /// Everybody is believed. Only for loopback: see [`Access::open_on`].
    Open,
}

/// Refusal to serve without keys where strangers could connect.
#[derive(Debug, thiserror::Error)]
#[error("--no-auth works on loopback only, and {0} is reachable from elsewhere; listen on 127.0.0.1 or use API keys")]
pub struct OpenElsewhere(SocketAddr);

impl Access {
    /// Access without keys, if `address` is loopback.
    ///
    /// # Errors
    /// [`OpenElsewhere`] on any other address.
    pub fn open_on(address: SocketAddr) -> Result<Access, OpenElsewhere> {
        if address.ip().is_loopback() { Ok(Access::Open) } else { Err(OpenElsewhere(address)) }
    }
}

/// Who calls: checked, but not yet compared with the name in the body.
pub(super) enum Caller {
    /// The executor its key is bound to.
    Bound(ExecutorId),
    /// Nobody asked.
    Unchecked,
}

impl Caller {
    /// The executor that acts, given the name it says it has.
    pub(super) fn acts_as(self, said: ExecutorId) -> Result<ExecutorId, ApiError> {
        match self {
            Caller::Unchecked => Ok(said),
            Caller::Bound(own) if own == said => Ok(own),
            Caller::Bound(_) => Err(ApiError::Unauthorized("this key belongs to an executor of another name")),
        }
    }
}

/// Finds out who calls.
pub(super) async fn caller(access: Access, headers: &HeaderMap, store: &dyn Store) -> Result<Caller, ApiError> {
    if access == Access::Open {
        return Ok(Caller::Unchecked);
    }
    let key = bearer(headers)?;
    let digest = Digest::of(key.as_bytes());
    let wrong = ApiError::Unauthorized("the key is unknown, expired or revoked");
    let Some(row) = store.api_key(digest).await? else { return Err(wrong) };
    // The lookup was by a digest that the caller cannot steer; this compares in constant time all the same.
    let same = blake3::Hash::from_bytes(row.digest.0) == blake3::Hash::from_bytes(digest.0);
    let valid = same && row.is_valid_at(Timestamp::now()) && row.role == ApiKeyRole::Executor;
    if valid { Ok(Caller::Bound(row.executor)) } else { Err(wrong) }
}

fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let missing = ApiError::Unauthorized("send the executor's API key as `Authorization: Bearer …`");
    let Some(value) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return Err(missing) };
    match value.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty() => {
            let key = key.trim();
            if key.len() > MAX_KEY_BYTES { Err(missing) } else { Ok(key) }
        }
        _ => Err(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::Access;

    #[test]
    fn no_auth_is_refused_on_any_address_but_loopback() {
        for address in ["127.0.0.1:8000", "[::1]:8000"] {
            assert_eq!(Access::open_on(address.parse().unwrap()).unwrap(), Access::Open);
        }
        for address in ["0.0.0.0:8000", "[::]:8000", "192.0.2.1:8000"] {
            let error = Access::open_on(address.parse().unwrap()).unwrap_err().to_string();
            assert!(error.contains("loopback only"), "{error}");
        }
    }
}
