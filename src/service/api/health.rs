//! `GET /health`.

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::error::{ApiError, ErrorBody};
use super::query::Query;
use super::reply::{Answer, json};
use super::state::ApiState;

/// Whether the service can work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthOut {
    /// Always `ok`; anything else is a 503.
    status: &'static str,
    /// Version of the program.
    version: &'static str,
    /// Always `connected`.
    database: &'static str,
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("health").and(call()).then(move |call: Call| finish("/health", health(state.clone(), call))).boxed()
}

/// Whether the store answers.
#[utoipa::path(get, path = "/health", tag = "system", responses(
    (status = 200, body = HealthOut), (status = 503, body = ErrorBody)))]
pub(super) async fn health(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    state.store.ping().await.map_err(|error| ApiError::Unavailable(error.to_string()))?;
    Ok(json(&HealthOut { status: "ok", version: env!("CARGO_PKG_VERSION"), database: "connected" }))
}
