//! `GET /v1/environments`.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::error::ErrorBody;
use super::query::{Query, part_of};
use super::reply::{Answer, json, with_next};
use super::state::ApiState;
use crate::domain::EnvId;

/// One environment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EnvironmentOut {
    /// Its id.
    env_id: String,
    /// Its name without version.
    env_name: String,
    /// MetaWorld's name of the task.
    task_name: String,
    /// Counted episodes of all published cycles.
    n_evaluations: u64,
    /// Mean of the rates, each weighted by its counted episodes; null before the first.
    avg_success_rate: Option<f64>,
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("v1" / "environments")
        .and(call())
        .then(move |call: Call| finish("/v1/environments", environments(state.clone(), call)))
        .boxed()
}

/// Every environment of the contest or with a published score.
#[utoipa::path(get, path = "/v1/environments", tag = "published",
    params(("limit" = Option<u32>, Query, description = "1 to 1000, default 100"),
        ("cursor" = Option<String>, Query, description = "The header `x-next-cursor` of the page before")),
    responses((status = 200, body = Vec<EnvironmentOut>), (status = 422, body = ErrorBody)))]
pub(super) async fn environments(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    let mut query = Query::parse(&call.query)?;
    let page = query.page()?;
    query.end()?;
    let mut all: BTreeMap<EnvId, (u64, Option<f64>)> =
        state.environments.iter().map(|environment| (environment.clone(), (0, None))).collect();
    for summary in state.store.environments().await? {
        all.insert(summary.environment, (summary.n_evaluations, summary.avg_success_rate));
    }
    let (rows, next) = part_of(all.into_iter().collect(), page);
    let rows: Vec<_> = rows.into_iter().map(|(environment, (count, rate))| out(&environment, count, rate)).collect();
    Ok(with_next(json(&rows), next))
}

fn out(environment: &EnvId, n_evaluations: u64, avg_success_rate: Option<f64>) -> EnvironmentOut {
    EnvironmentOut {
        env_id: environment.to_string(),
        env_name: environment.env_name().into(),
        task_name: environment.task_name().into(),
        n_evaluations,
        avg_success_rate,
    }
}
