//! The three routes of a policy server.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

use super::accept::{Routes, accept_connections};
use super::episodes::Episodes;
use super::{BrainError, MockMiner};
use crate::domain::{MAX_CAMERA_PIXELS, printable};
use crate::policy::wire::{
    EPISODE_HEADER, Health, ResetAnswer, ResetRequest, STEP_HEADER, TaskConfig, WireEncoding, decode_observation,
    encode_action,
};

/// Largest request: all pixels that a contest may show, each as the 14 characters of `[255,255,255],`, and what stands
/// around them.
const MAX_REQUEST_BYTES: u64 = 16 * MAX_CAMERA_PIXELS;
/// Longest error text in an answer, in characters.
const MAX_DETAIL: usize = 500;

/// Serves a mock miner on `listener` until `shutdown`.
pub async fn serve(listener: TcpListener, miner: MockMiner, shutdown: CancellationToken) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let server = Arc::new(Server {
        miner,
        episodes: Episodes::default(),
        physics: Arc::new(Semaphore::new(cores)),
        started: Instant::now(),
    });
    accept_connections(listener, routes(server), shutdown).await;
}

struct Server {
    miner: MockMiner,
    episodes: Episodes,
    /// As many as cores: more threads would not step worlds faster, only hold up the network.
    physics: Arc<Semaphore>,
    started: Instant,
}

/// What a call says about itself; old callers say nothing.
struct Labels {
    episode: String,
    step: Option<u32>,
    encoding: WireEncoding,
}

fn routes(server: Arc<Server>) -> Routes {
    let with_server = warp::any().map(move || server.clone());
    let body = || warp::body::content_length_limit(MAX_REQUEST_BYTES).and(warp::body::bytes());
    let health =
        warp::path!("health").and(warp::get()).and(with_server.clone()).map(|server: Arc<Server>| server.health());
    let reset = warp::path!("reset").and(warp::post()).and(with_server.clone()).and(labels()).and(body()).then(reset);
    let act = warp::path!("act").and(warp::post()).and(with_server).and(labels()).and(body()).then(act);
    health.or(reset).unify().or(act).unify().recover(rejected).unify().boxed()
}

fn labels() -> impl Filter<Extract = (Labels,), Error = Rejection> + Clone {
    let episode = warp::header::optional::<String>(EPISODE_HEADER);
    let step = warp::header::optional::<u32>(STEP_HEADER);
    let content_type = warp::header::optional::<String>("content-type");
    episode.and(step).and(content_type).map(|episode: Option<String>, step, content_type: Option<String>| Labels {
        episode: episode.unwrap_or_default(),
        step,
        encoding: content_type.and_then(|name| WireEncoding::of_media_type(&name)).unwrap_or_default(),
    })
}

impl Server {
    fn health(&self) -> Response {
        json(&Health {
            status: "healthy".into(),
            model_loaded: true,
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            encodings: [WireEncoding::Json, WireEncoding::Msgpack].map(|encoding| encoding.as_str().into()).into(),
        })
    }

    /// Runs `work` on a thread where it may block, as many at a time as there are cores.
    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BrainError> + Send + 'static,
    ) -> Result<T, Box<Response>> {
        let _slot = self.physics.clone().acquire_owned().await;
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a policy of ours has no answer");
                Err(Box::new(problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string())))
            }
            Err(_) => Err(Box::new(problem(StatusCode::INTERNAL_SERVER_ERROR, "the policy panicked"))),
        }
    }
}

async fn reset(server: Arc<Server>, labels: Labels, body: Bytes) -> Response {
    if let Some(how) = server.miner.misbehaviour
        && let Some(response) = how.reset().await
    {
        return response;
    }
    let config: TaskConfig = match serde_json::from_slice::<ResetRequest>(&body) {
        Ok(request) => request.task_config,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let policy = server.miner.policy.clone();
    match server.compute(move || policy.reset(&config)).await {
        Ok(brain) => {
            server.episodes.insert(&labels.episode, brain);
            json(&ResetAnswer { status: "ok".into(), episode_id: Some(labels.episode) })
        }
        Err(response) => *response,
    }
}

async fn act(server: Arc<Server>, labels: Labels, body: Bytes) -> Response {
    if let Some(how) = server.miner.misbehaviour
        && let Some(response) = how.act(labels.step.unwrap_or(0)).await
    {
        return response;
    }
    let observation = match decode_observation(labels.encoding, &body) {
        Ok(observation) => observation,
        Err(error) => return problem(StatusCode::BAD_REQUEST, &error),
    };
    let Some(brain) = server.episodes.get(&labels.episode) else {
        return problem(StatusCode::CONFLICT, "this episode was not reset, or too long ago; call /reset first");
    };
    let step = labels.step;
    let acted =
        server.compute(move || brain.lock().unwrap_or_else(PoisonError::into_inner).act(step, &observation)).await;
    match acted {
        Ok(action) => {
            let body = encode_action(labels.encoding, action);
            warp::reply::with_header(body, "content-type", labels.encoding.media_type()).into_response()
        }
        Err(response) => *response,
    }
}

async fn rejected(rejection: Rejection) -> Result<Response, std::convert::Infallible> {
    let status = if rejection.is_not_found() {
        StatusCode::NOT_FOUND
    } else if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        StatusCode::METHOD_NOT_ALLOWED
    } else if rejection.find::<warp::reject::PayloadTooLarge>().is_some() {
        StatusCode::PAYLOAD_TOO_LARGE
    } else {
        StatusCode::BAD_REQUEST
    };
    Ok(problem(status, "this server has GET /health, POST /reset and POST /act with a Content-Length"))
}

fn json(answer: &impl Serialize) -> Response {
    warp::reply::json(answer).into_response()
}

fn problem(status: StatusCode, detail: &str) -> Response {
    let body = warp::reply::json(&serde_json::json!({ "detail": printable(detail, MAX_DETAIL) }));
    warp::reply::with_status(body, status).into_response()
}
