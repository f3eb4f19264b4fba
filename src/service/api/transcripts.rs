//! `PUT /v1/transcripts/{digest}`.

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::auth::{Caller, caller};
use super::call::{Call, call, finish};
use super::created;
use super::error::{ApiError, ErrorBody};
use super::query::Query;
use super::reply::{Answer, json};
use super::state::ApiState;
use crate::domain::Digest;
use crate::transcript::MAX_TRANSCRIPT_BYTES;

/// A transcript is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TranscriptOut {
    /// Its digest.
    digest: String,
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("v1" / "transcripts" / String)
        .and(call())
        .then(move |digest: String, call: Call| finish("/v1/transcripts/{digest}", upload(state.clone(), digest, call)))
        .boxed()
}

/// Keeps a transcript after checking form, digest, hash chain and that it belongs to a task. Durable when answered.
#[utoipa::path(put, path = "/v1/transcripts/{digest}", tag = "executors", security(("executor_key" = [])),
    params(("digest" = String, Path, description = "Digest that names the transcript")),
    request_body(content = Vec<u8>, content_type = "application/zstd"),
    responses((status = 201, body = TranscriptOut), (status = 401, body = ErrorBody), (status = 413, body = ErrorBody),
        (status = 422, body = ErrorBody), (status = 429, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn upload(state: ApiState, digest: String, call: Call) -> Answer {
    call.takes("PUT")?;
    Query::none(&call.query)?;
    let executor = match caller(state.access, &call.headers, state.store.as_ref()).await? {
        Caller::Bound(executor) => Some(executor),
        Caller::Unchecked => None,
    };
    let digest: Digest = digest.parse().map_err(|error| ApiError::invalid("digest", error))?;
    let file = call.bytes(MAX_TRANSCRIPT_BYTES).await?;
    state.tasks.keep_transcript(executor, digest, file).await?;
    Ok(created(json(&TranscriptOut { digest: digest.to_string() })))
}
