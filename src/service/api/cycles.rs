//! `GET /v1/cycles…`.

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::error::{ApiError, ErrorBody};
use super::query::Query;
use super::reply::{Answer, bytes, json};
use super::state::ApiState;
use super::views::CycleOut;
use crate::domain::CycleId;

/// A part of the list of cycles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CyclesOut {
    /// Newest first.
    cycles: Vec<CycleOut>,
    /// `cursor` of the next part; null at the end.
    next_cursor: Option<String>,
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let (for_list, for_one, for_manifest) = (state.clone(), state.clone(), state.clone());
    let list = warp::path!("v1" / "cycles")
        .and(call())
        .then(move |call: Call| finish("/v1/cycles", list(for_list.clone(), call)));
    let one = warp::path!("v1" / "cycles" / String)
        .and(call())
        .then(move |id: String, call: Call| finish("/v1/cycles/{id}", one(for_one.clone(), id, call)));
    let manifest =
        warp::path!("v1" / "cycles" / String / "manifest").and(call()).then(move |id: String, call: Call| {
            finish("/v1/cycles/{id}/manifest", manifest(for_manifest.clone(), id, call))
        });
    list.or(one).unify().or(manifest).unify().boxed()
}

/// Cycles, newest first.
#[utoipa::path(get, path = "/v1/cycles", tag = "published",
    params(("limit" = Option<u32>, Query, description = "1 to 1000, default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before")),
    responses((status = 200, body = CyclesOut), (status = 422, body = ErrorBody)))]
pub(super) async fn list(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    let mut query = Query::parse(&call.query)?;
    let page = query.page()?;
    query.end()?;
    let paged = state.store.cycles(page).await?;
    Ok(json(&CyclesOut {
        cycles: paged.rows.into_iter().map(CycleOut::from).collect(),
        next_cursor: paged.next.map(|position| position.to_string()),
    }))
}

/// One cycle.
#[utoipa::path(get, path = "/v1/cycles/{id}", tag = "published",
    params(("id" = u64, Path, description = "Number of the cycle")),
    responses((status = 200, body = CycleOut), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn one(state: ApiState, id: String, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    let id = parse_id(&id)?;
    match state.store.cycle(id).await? {
        Some(cycle) => Ok(json(&CycleOut::from(cycle))),
        None => Err(ApiError::not_found(format!("there is no cycle {id}"))),
    }
}

/// The signed manifest of a published cycle, byte for byte.
#[utoipa::path(get, path = "/v1/cycles/{id}/manifest", tag = "published",
    params(("id" = u64, Path, description = "Number of the cycle")),
    responses((status = 200, description = "Canonical JSON, see docs/transcript-format.md", content_type = "application/json"),
        (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn manifest(state: ApiState, id: String, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    let id = parse_id(&id)?;
    match state.store.manifest(id).await? {
        Some(manifest) => Ok(bytes(manifest, "application/json")),
        None => Err(ApiError::NotFound {
            code: "not_published",
            detail: format!("cycle {id} has no published manifest; it has one when its status is `completed`"),
        }),
    }
}

fn parse_id(text: &str) -> Result<CycleId, ApiError> {
    text.parse().map(CycleId).map_err(|_| ApiError::invalid("cycle_id", "must be the number of a cycle"))
}
