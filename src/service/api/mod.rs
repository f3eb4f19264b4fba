//! The REST API, one file per resource.
//!
//! Each file has a `routes` that matches paths and hands the call to a leaf (`call::finish`); what a leaf answers is
//! final. What is left at the end is a 404.

mod auth;
mod call;
mod cycles;
mod environments;
mod episodes;
mod error;
mod health;
mod metrics;
mod miners;
mod openapi;
mod proofs;
mod query;
mod reply;
mod scores;
mod state;
mod status;
mod submissions;
mod tasks;
mod transcripts;
mod views;
mod weights;

use http::StatusCode;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

pub use auth::{Access, OpenElsewhere};
pub use error::ErrorBody;
pub use metrics::install as install_metrics;
pub use openapi::document as openapi_document;
pub use state::ApiState;

use call::{Call, call, finish};
use error::ApiError;

/// Every endpoint over this state.
pub fn routes(state: ApiState) -> BoxedFilter<(Response,)> {
    let system = health::routes(&state).or(metrics::routes(&state)).unify().or(openapi::routes()).unify();
    let published = weights::routes(&state).or(scores::routes(&state)).unify().or(cycles::routes(&state)).unify();
    let lists = miners::routes(&state)
        .or(environments::routes(&state))
        .unify()
        .or(status::routes(&state))
        .unify()
        .or(episodes::routes(&state))
        .unify()
        .or(submissions::routes(&state))
        .unify();
    let work = tasks::routes(&state).or(transcripts::routes(&state)).unify();
    work.or(system).unify().or(lists).unify().or(published).unify().or(unknown_path()).unify().boxed()
}

/// What no route took.
fn unknown_path() -> BoxedFilter<(Response,)> {
    call()
        .then(|_call: Call| {
            finish("unknown", async { Err(ApiError::not_found("there is no such path; /openapi.json lists them all")) })
        })
        .boxed()
}

/// The status of an answer that created something.
fn created(mut response: Response) -> Response {
    *response.status_mut() = StatusCode::CREATED;
    response
}
