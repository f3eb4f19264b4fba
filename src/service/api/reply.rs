//! Making answers.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use serde::Serialize;
use warp::reply::Response;

use super::error::ApiError;
use crate::domain::Digest;

/// What a handler answers.
pub(super) type Answer = Result<Response, ApiError>;

/// A JSON answer, status 200.
pub(super) fn json<T: Serialize>(value: &T) -> Response {
    let body = serde_json::to_vec(value).expect("answers are plain data and always serialise");
    bytes(body, "application/json")
}

/// An answer of raw bytes, status 200.
pub(super) fn bytes(body: impl Into<bytes::Bytes>, content_type: &'static str) -> Response {
    let mut response = Response::new(body.into().into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Marks an answer as one that never changes: what a digest names.
pub(super) fn immutable(mut response: Response, digest: &Digest) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    let tag = format!("\"{digest}\"");
    headers.insert(ETAG, HeaderValue::from_str(&tag).expect("hexadecimal digits are a valid header"));
    response
}

/// Names the next part of a list whose body is a bare array.
pub(super) fn with_next(mut response: Response, next: Option<String>) -> Response {
    if let Some(cursor) = next.and_then(|cursor| HeaderValue::from_str(&cursor).ok()) {
        response.headers_mut().insert("x-next-cursor", cursor);
    }
    response
}
