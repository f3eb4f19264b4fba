//! `GET /v1/weights/…`.

use std::collections::BTreeMap;

use jiff::Timestamp;
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
use super::views::duration_s;
use crate::domain::BlockNumber;
use crate::store::{WeightsAt, WeightsView};

/// The pay that a published cycle derives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WeightsOut {
    /// The cycle.
    cycle_id: u64,
    /// The block it is anchored at.
    block_number: u64,
    /// When they were published.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// Share of each uid.
    #[schema(value_type = BTreeMap<String, f64>)]
    weights: BTreeMap<u16, f64>,
    /// The same as integers.
    weights_u16: WeightsU16,
    /// How they came about.
    metadata: WeightsMetadata,
    /// Digest of the signed manifest that derives them.
    manifest_digest: String,
    /// Who sat at each uid at the anchor block; a uid that changed hands since must get nothing.
    #[schema(value_type = BTreeMap<String, String>)]
    hotkeys: BTreeMap<u16, String>,
    /// Why there are no weights, when there are none.
    no_weights: Option<String>,
}

/// Weights as integers, `trunc(weight · 65535)`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WeightsU16 {
    /// The uids.
    uids: Vec<u16>,
    /// Their values in the same order.
    values: Vec<u16>,
}

/// How weights came about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WeightsMetadata {
    /// Admitted miners.
    n_miners_evaluated: u32,
    /// Environments of the contest.
    n_environments: u32,
    /// Seconds from the start of the cycle to its publication.
    evaluation_duration_seconds: f64,
}

impl From<WeightsView> for WeightsOut {
    fn from(view: WeightsView) -> Self {
        WeightsOut {
            cycle_id: view.cycle.id.0,
            block_number: view.cycle.block_number.0,
            timestamp: view.published_at,
            weights: view.weights.iter().map(|row| (row.uid.0, row.weight)).collect(),
            weights_u16: WeightsU16 {
                uids: view.weights.iter().map(|row| row.uid.0).collect(),
                values: view.weights.iter().map(|row| row.weight_u16).collect(),
            },
            metadata: WeightsMetadata {
                n_miners_evaluated: view.cycle.n_miners,
                n_environments: view.cycle.n_environments,
                evaluation_duration_seconds: duration_s(&view.cycle).unwrap_or(0.0),
            },
            manifest_digest: view.manifest_digest.to_string(),
            hotkeys: view.weights.iter().map(|row| (row.uid.0, row.hotkey.to_string())).collect(),
            no_weights: view.no_weights,
        }
    }
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let state = state.clone();
    warp::path!("v1" / "weights" / String)
        .and(call())
        .then(move |which: String, call: Call| {
            let route = if which == "latest" { "/v1/weights/latest" } else { "/v1/weights/{block}" };
            finish(route, weights(state.clone(), which, call))
        })
        .boxed()
}

async fn weights(state: ApiState, which: String, call: Call) -> Answer {
    if which == "latest" { latest(state, call).await } else { at_block(state, which, call).await }
}

/// The newest published weights.
#[utoipa::path(get, path = "/v1/weights/latest", tag = "published", responses(
    (status = 200, body = WeightsOut), (status = 404, body = ErrorBody)))]
pub(super) async fn latest(state: ApiState, call: Call) -> Answer {
    read(state, WeightsAt::Latest, call).await
}

/// The weights of the cycle that is anchored at a block.
#[utoipa::path(get, path = "/v1/weights/{block}", tag = "published",
    params(("block" = u64, Path, description = "Number of the anchor block")),
    responses((status = 200, body = WeightsOut), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn at_block(state: ApiState, which: String, call: Call) -> Answer {
    call.takes("GET")?;
    let block = which.parse().map_err(|_| ApiError::invalid("block", "must be `latest` or the number of a block"))?;
    read(state, WeightsAt::Block(BlockNumber(block)), call).await
}

async fn read(state: ApiState, at: WeightsAt, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    match state.store.weights(at).await? {
        Some(view) => Ok(json(&WeightsOut::from(view))),
        None => Err(ApiError::not_found("no weights are published there; a cycle must be completed first")),
    }
}
