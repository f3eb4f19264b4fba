//! `GET /v1/scores/…`.

use std::collections::BTreeMap;

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
use super::views::CycleOut;
use crate::domain::CycleId;
use crate::store::{ScoreRow, ScoresView};

/// The scores of a published cycle.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScoresOut {
    /// The cycle.
    cycle: CycleOut,
    /// One row for each miner and environment.
    scores: Vec<ScoreOut>,
    /// Rates by uid and environment.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, f64>>)]
    miner_summary: BTreeMap<u16, BTreeMap<String, f64>>,
}

/// One miner in one environment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ScoreOut {
    /// Where the miner sat at the anchor.
    uid: u16,
    /// Its ss58 address.
    hotkey: String,
    /// The environment.
    env_id: String,
    /// Successes over counted episodes.
    success_rate: f64,
    /// The rate's 95 % Wilson interval.
    interval: [f64; 2],
    /// Mean total reward of the counted episodes.
    mean_reward: f64,
    /// Counted episodes.
    episodes_completed: u32,
    /// Of these, broken off by the miner's fault.
    episodes_failed: u32,
    /// Episodes left out because the platform failed.
    episodes_left_out: u32,
}

impl From<ScoreRow> for ScoreOut {
    fn from(row: ScoreRow) -> Self {
        ScoreOut {
            uid: row.uid.0,
            hotkey: row.hotkey.to_string(),
            env_id: row.environment.to_string(),
            success_rate: row.success_rate,
            interval: [row.rate_low, row.rate_high],
            mean_reward: row.mean_reward,
            episodes_completed: row.counted,
            episodes_failed: row.failed,
            episodes_left_out: row.left_out,
        }
    }
}

impl From<ScoresView> for ScoresOut {
    fn from(view: ScoresView) -> Self {
        let mut miner_summary: BTreeMap<u16, BTreeMap<String, f64>> = BTreeMap::new();
        for row in &view.scores {
            miner_summary.entry(row.uid.0).or_default().insert(row.environment.to_string(), row.success_rate);
        }
        ScoresOut {
            cycle: view.cycle.into(),
            scores: view.scores.into_iter().map(ScoreOut::from).collect(),
            miner_summary,
        }
    }
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("v1" / "scores" / String)
        .and(call())
        .then(move |which: String, call: Call| {
            let route = if which == "latest" { "/v1/scores/latest" } else { "/v1/scores/{cycle_id}" };
            finish(route, scores(state.clone(), which, call))
        })
        .boxed()
}

async fn scores(state: ApiState, which: String, call: Call) -> Answer {
    if which == "latest" { latest(state, call).await } else { of_cycle(state, which, call).await }
}

/// The newest published scores.
#[utoipa::path(get, path = "/v1/scores/latest", tag = "published", responses(
    (status = 200, body = ScoresOut), (status = 404, body = ErrorBody)))]
pub(super) async fn latest(state: ApiState, call: Call) -> Answer {
    read(state, None, call).await
}

/// The scores of one cycle.
#[utoipa::path(get, path = "/v1/scores/{cycle_id}", tag = "published",
    params(("cycle_id" = u64, Path, description = "Number of the cycle")),
    responses((status = 200, body = ScoresOut), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn of_cycle(state: ApiState, which: String, call: Call) -> Answer {
    call.takes("GET")?;
    let id = which.parse().map_err(|_| ApiError::invalid("cycle_id", "must be `latest` or the number of a cycle"))?;
    read(state, Some(CycleId(id)), call).await
}

async fn read(state: ApiState, id: Option<CycleId>, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    match state.store.scores(id).await? {
        Some(view) => Ok(json(&ScoresOut::from(view))),
        None => Err(ApiError::not_found("no scores are published there; the cycle must be completed first")),
    }
}
