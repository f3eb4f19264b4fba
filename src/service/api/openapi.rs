//! `GET /openapi.json`.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::query::Query;
use super::reply::{Answer, bytes};
use super::{
    cycles, environments, episodes, health, metrics, miners, scores, status, submissions, tasks, transcripts, weights,
};

/// The description of every endpoint.
#[derive(OpenApi)]
#[openapi(
    info(title = "kinitro", description = "Robot-policy evaluation whose published scores any stranger can verify."),
    paths(
        health::health, metrics::scrape, document_route,
        status::status, weights::latest, weights::at_block, scores::latest, scores::of_cycle, miners::miners,
        environments::environments, cycles::list, cycles::one, cycles::manifest, submissions::submissions, tasks::stats,
        episodes::list, episodes::one, episodes::transcript, episodes::proof,
        tasks::fetch, tasks::heartbeat, tasks::release, tasks::submit, transcripts::upload,
    ),
    tags(
        (name = "published", description = "What anybody may read"),
        (name = "episodes", description = "Episodes, transcripts and proofs"),
        (name = "executors", description = "Work for executors, which need an API key"),
        (name = "system", description = "The service itself"),
    ),
    modifiers(&ExecutorKey)
)]
struct Document;

struct ExecutorKey;

impl Modify for ExecutorKey {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An executor's API key: `kinitro api-key create`"))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("executor_key", SecurityScheme::Http(bearer));
    }
}

/// The OpenAPI 3.1 description as pretty JSON.
pub fn document() -> String {
    let mut json = Document::openapi().to_pretty_json().expect("the description is plain data and always serialises");
    json.push('\n');
    json
}

pub(super) fn routes() -> BoxedFilter<(Response,)> {
    warp::path!("openapi.json").and(call()).then(|call: Call| finish("/openapi.json", document_route(call))).boxed()
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "system", responses(
    (status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
pub(super) async fn document_route(call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    Ok(bytes(document(), "application/json"))
}
