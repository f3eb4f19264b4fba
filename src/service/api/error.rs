//! The one table from what went wrong to an HTTP answer.
//!
//! A handler returns [`ApiError`]; internal detail goes to the log, never to the client.

use http::StatusCode;
use http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::reply::Response;

use super::reply::json;
use crate::service::tasks::TaskError;
use crate::store::StoreError;

/// Seconds after which a refused client may try again; overload passes within a group commit or two.
const RETRY_AFTER_S: u32 = 1;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// The same for programs.
    pub code: String,
}

/// Why a request was not answered as asked.
#[derive(Debug)]
pub(super) enum ApiError {
    /// 400: not HTTP, JSON or a query as it should be.
    Malformed(String),
    /// 401: no credential, or a wrong one.
    Unauthorized(&'static str),
    /// 404: there is no such thing, or not yet.
    NotFound { code: &'static str, detail: String },
    /// 405: the path exists, the method does not.
    MethodNotAllowed { allowed: &'static str },
    /// 408: the body did not come in time.
    BodyTimeout,
    /// 409: it contradicts what is stored.
    Conflict(String),
    /// 413: the body is too large.
    TooLarge { cap_bytes: usize },
    /// 415: the body is in another format.
    NotJson,
    /// 422: well-formed, but a value is wrong.
    Invalid { field: String, detail: String },
    /// 429: too many of the expensive requests at once.
    Overloaded(&'static str),
    /// 503: the store does not answer; the text is for the log.
    Unavailable(String),
}

impl ApiError {
    pub(super) fn invalid(field: &str, detail: impl ToString) -> ApiError {
        ApiError::Invalid { field: field.into(), detail: detail.to_string() }
    }

    pub(super) fn not_found(detail: impl Into<String>) -> ApiError {
        ApiError::NotFound { code: "not_found", detail: detail.into() }
    }

    fn parts(&self) -> (StatusCode, &str, String) {
        match self {
            ApiError::Malformed(detail) => (StatusCode::BAD_REQUEST, "malformed", detail.clone()),
            ApiError::Unauthorized(detail) => (StatusCode::UNAUTHORIZED, "unauthorized", (*detail).into()),
            ApiError::NotFound { code, detail } => (StatusCode::NOT_FOUND, code, detail.clone()),
            ApiError::MethodNotAllowed { allowed } => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("this path takes {allowed}"))
            }
            ApiError::BodyTimeout => {
                (StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not come in time".into())
            }
            ApiError::Conflict(detail) => (StatusCode::CONFLICT, "conflict", detail.clone()),
            ApiError::TooLarge { cap_bytes } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("the body may have {cap_bytes} bytes at most"))
            }
            ApiError::NotJson => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "send JSON with content-type: application/json".into(),
            ),
            ApiError::Invalid { field, detail } => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("{field}: {detail}"))
            }
            ApiError::Overloaded(detail) => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests", (*detail).into()),
            ApiError::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the store does not answer now; try again soon".into())
            }
        }
    }

    /// The answer to the client; what only the operator may know is logged here.
    pub(super) fn into_response(self) -> Response {
        let (status, code, detail) = self.parts();
        let mut response = json(&ErrorBody { detail, code: code.into() });
        *response.status_mut() = status;
        let headers = response.headers_mut();
        match &self {
            ApiError::Unauthorized(_) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            ApiError::MethodNotAllowed { allowed } => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            ApiError::Overloaded(_) => {
                headers.insert(RETRY_AFTER, RETRY_AFTER_S.into());
            }
            ApiError::Unavailable(why) => {
                tracing::error!(%why, "a request could not be answered");
                headers.insert(RETRY_AFTER, RETRY_AFTER_S.into());
            }
            _ => {}
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(detail) => ApiError::Conflict(detail),
            StoreError::NotFound(detail) => ApiError::not_found(detail),
            StoreError::Unavailable(_) | StoreError::Refused(_) | StoreError::Corrupt(_) => {
                ApiError::Unavailable(error.to_string())
            }
        }
    }
}

impl From<TaskError> for ApiError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Invalid { field, detail } => ApiError::Invalid { field: field.into(), detail },
            TaskError::Conflict(detail) => ApiError::Conflict(detail),
            TaskError::Overloaded => ApiError::Overloaded("too many transcripts wait to be checked"),
            TaskError::Unavailable(why) | TaskError::Protocol(why) | TaskError::Unauthorized(why) => {
                ApiError::Unavailable(why)
            }
        }
    }
}
