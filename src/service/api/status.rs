//! `GET /v1/status`.

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::query::Query;
use super::reply::{Answer, json};
use super::state::ApiState;
use super::views::CycleOut;
use crate::store::Page;

/// What the appliance is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusOut {
    /// The cycle that is under way.
    current_cycle: Option<CycleOut>,
    /// The newest published one.
    last_completed_cycle: Option<CycleOut>,
    /// Cycles of any status.
    total_cycles: u64,
    /// Different hotkeys with a published score.
    total_miners_evaluated: u64,
    /// Environments of the contest.
    environments: Vec<String>,
    /// Whether a cycle is under way.
    is_evaluating: bool,
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("v1" / "status")
        .and(call())
        .then(move |call: Call| finish("/v1/status", status(state.clone(), call)))
        .boxed()
}

/// What the appliance is doing.
#[utoipa::path(get, path = "/v1/status", tag = "published", responses((status = 200, body = StatusOut)))]
pub(super) async fn status(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    let newest = state.store.cycles(Page { limit: 1, after: None }).await?.rows.pop();
    let current = newest.filter(|cycle| cycle.status.is_open());
    let totals = state.store.totals().await?;
    Ok(json(&StatusOut {
        is_evaluating: current.is_some(),
        current_cycle: current.map(CycleOut::from),
        last_completed_cycle: state.store.last_completed_cycle().await?.map(CycleOut::from),
        total_cycles: totals.cycles,
        total_miners_evaluated: totals.miners_evaluated,
        environments: state.environments.iter().map(ToString::to_string).collect(),
    }))
}
