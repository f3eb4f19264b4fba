//! `GET /v1/miners`.

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
use crate::store::MinerSummary;

/// One miner, as the newest cycle it was scored in shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MinerOut {
    /// Where it sat at that cycle's anchor.
    uid: u16,
    /// Its ss58 address.
    hotkey: String,
    /// Anchor of that cycle.
    last_evaluated_block: u64,
    /// Mean of its rates.
    avg_success_rate: f64,
    /// Environments of that cycle.
    environments_evaluated: Vec<String>,
}

impl From<MinerSummary> for MinerOut {
    fn from(miner: MinerSummary) -> Self {
        MinerOut {
            uid: miner.uid.0,
            hotkey: miner.hotkey.to_string(),
            last_evaluated_block: miner.last_evaluated_block.0,
            avg_success_rate: miner.avg_success_rate,
            environments_evaluated: miner.environments.iter().map(ToString::to_string).collect(),
        }
    }
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("v1" / "miners")
        .and(call())
        .then(move |call: Call| finish("/v1/miners", miners(state.clone(), call)))
        .boxed()
}

/// Every miner with a published score.
#[utoipa::path(get, path = "/v1/miners", tag = "published",
    params(("limit" = Option<u32>, Query, description = "1 to 1000, default 100"),
        ("cursor" = Option<String>, Query, description = "The header `x-next-cursor` of the page before")),
    responses((status = 200, body = Vec<MinerOut>), (status = 422, body = ErrorBody)))]
pub(super) async fn miners(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    let mut query = Query::parse(&call.query)?;
    let page = query.page()?;
    query.end()?;
    let (rows, next) = part_of(state.store.miners().await?, page);
    Ok(with_next(json(&rows.into_iter().map(MinerOut::from).collect::<Vec<_>>()), next))
}
