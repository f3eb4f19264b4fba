//! API keys as they are stored: never the key, only its digest.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::domain::{Digest, ExecutorId};

/// What a key allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyRole {
    /// Lease tasks, upload transcripts and hand in results under the one executor name the key is bound to.
    Executor,
}

impl ApiKeyRole {
    /// The role as it stands in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            ApiKeyRole::Executor => "executor",
        }
    }
}

/// A key to be stored.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// The executor it belongs to; one name may have several keys, so that keys can be changed without a gap.
    pub executor: ExecutorId,
    /// blake3 digest of the key. Keys are 32 random bytes, so a slow password hash would add nothing.
    pub digest: Digest,
    /// What it allows.
    pub role: ApiKeyRole,
    /// When it stops to work; `None` is never.
    pub expires_at: Option<Timestamp>,
}

impl NewApiKey {
    /// Draws a new key: the text to hand to the executor once, and what is stored of it.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn generate(
        executor: ExecutorId,
        expires_at: Option<Timestamp>,
    ) -> Result<(Zeroizing<String>, NewApiKey), getrandom::Error> {
        let mut random = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut *random)?;
        let key = Zeroizing::new(format!("kinitro_{}", hex::encode(*random)));
        let digest = Digest::of(key.as_bytes());
        Ok((key, NewApiKey { executor, digest, role: ApiKeyRole::Executor, expires_at }))
    }
}

/// A stored key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRow {
    /// Its number, by which it is revoked.
    pub id: u64,
    /// The executor it belongs to.
    pub executor: ExecutorId,
    /// blake3 digest of the key.
    pub digest: Digest,
    /// What it allows.
    pub role: ApiKeyRole,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to work.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl ApiKeyRow {
    /// Whether the key works at `now`.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}
