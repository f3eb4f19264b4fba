//! Why a task queue did not do what was asked.

use crate::store::StoreError;

/// One error for both ways to a task queue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// The queue cannot answer now; ask again after a pause. Nothing was changed, or the change is complete.
    #[error("the task queue is unavailable: {0}")]
    Unavailable(String),
    /// Too many transcripts wait to be checked; send this one again after a pause.
    #[error("too many transcripts wait to be checked; try again soon")]
    Overloaded,
    /// A value of the request is wrong; repeating it cannot help.
    #[error("{field}: {detail}")]
    Invalid {
        /// Which value.
        field: &'static str,
        /// What is wrong and what is expected.
        detail: String,
    },
    /// The request contradicts what is stored.
    #[error("{0}")]
    Conflict(String),
    /// The credential is missing, unknown, expired or belongs to another executor.
    #[error("the API refused the key: {0}; ask the operator for one (`kinitro api-key create`)")]
    Unauthorized(String),
    /// The other side speaks another language.
    #[error("the API answered nonsense: {0}; do both sides run the same release?")]
    Protocol(String),
}

impl From<StoreError> for TaskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => TaskError::Unavailable(why),
            StoreError::Conflict(why) | StoreError::NotFound(why) => TaskError::Conflict(why),
            StoreError::Refused(why) => TaskError::Unavailable(why),
            StoreError::Corrupt(_) => TaskError::Unavailable(error.to_string()),
        }
    }
}
