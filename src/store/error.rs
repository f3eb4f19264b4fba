//! The one error of the store's row.

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database cannot answer or write now: disk full, read-only, locked for too long, too many requests
    /// waiting. Nothing was changed; the same request may be sent again later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The request contradicts what is already stored; repeating it cannot help.
    #[error("{0}")]
    Conflict(String),
    /// The request names something that is not stored.
    #[error("{0}")]
    NotFound(String),
    /// The file is not one this program may open: foreign, newer, or damaged. The text says what to do.
    #[error("{0}")]
    Refused(String),
    /// A stored value cannot be what it should be.
    #[error("the database holds a value that this program never writes: {0}; restore it from a backup")]
    Corrupt(String),
}
