//! `GET /v1/episodes…`.

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::call::{Call, call, finish};
use super::error::{ApiError, ErrorBody};
use super::proofs::{ProofOut, Proofs};
use super::query::{Query, known};
use super::reply::{Answer, bytes, immutable, json};
use super::state::ApiState;
use crate::domain::{CycleId, Digest, EnvId, Fault, Outcome, Uid};
use crate::store::{EpisodeFilter, EpisodeRow, EpisodeState};

/// One final episode.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EpisodeOut {
    /// Digest that names the transcript; null when the episode is left out.
    digest: Option<String>,
    /// Its task.
    task_uuid: String,
    /// Its cycle.
    cycle_id: u64,
    /// The environment.
    env_id: String,
    /// Which episode of the environment.
    episode_index: u32,
    /// Where the miner sat at the anchor.
    uid: u16,
    /// Its ss58 address.
    hotkey: String,
    /// `success`, `failure` or `faulted`.
    #[schema(value_type = String)]
    outcome: Outcome,
    /// `{"party", "reason"}` of a faulted episode.
    #[schema(value_type = Option<Object>)]
    fault: Option<Fault>,
    /// Whether it was left out for all miners because the platform failed.
    left_out: bool,
    /// Steps done.
    steps: u32,
    /// Sum of the rewards; null when it is no finite number.
    total_reward: Option<f64>,
    /// First step, from 1, at which the success test held.
    success_step: Option<u32>,
    /// What a replay must reproduce.
    replay_root: Option<String>,
    /// Whether it is the operator's known-good probe, which counts in no score.
    probe: bool,
    /// Whether the cycle is published: only then are transcript and proof served.
    published: bool,
}

/// A part of the list of episodes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EpisodesOut {
    /// In the order of their tasks.
    episodes: Vec<EpisodeOut>,
    /// `cursor` of the next part; null at the end.
    next_cursor: Option<String>,
}

impl From<EpisodeRow> for EpisodeOut {
    fn from(row: EpisodeRow) -> Self {
        EpisodeOut {
            digest: row.transcript.map(|digest| digest.to_string()),
            task_uuid: row.task.to_string(),
            cycle_id: row.cycle.0,
            env_id: row.environment.to_string(),
            episode_index: row.index,
            uid: row.uid.0,
            hotkey: row.hotkey.to_string(),
            outcome: row.outcome,
            fault: row.fault,
            left_out: row.state == EpisodeState::LeftOut,
            steps: row.steps,
            total_reward: Some(row.total_reward).filter(|total| total.is_finite()),
            success_step: row.success_step,
            replay_root: row.replay_root.map(|digest| digest.to_string()),
            probe: row.probe,
            published: row.published,
        }
    }
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let (for_list, for_one, for_file, for_proof) = (state.clone(), state.clone(), state.clone(), state.clone());
    let proofs = Proofs::default();
    let list = warp::path!("v1" / "episodes")
        .and(call())
        .then(move |call: Call| finish("/v1/episodes", list(for_list.clone(), call)));
    let one = warp::path!("v1" / "episodes" / String)
        .and(call())
        .then(move |digest: String, call: Call| finish("/v1/episodes/{digest}", one(for_one.clone(), digest, call)));
    let file =
        warp::path!("v1" / "episodes" / String / "transcript").and(call()).then(move |digest: String, call: Call| {
            finish("/v1/episodes/{digest}/transcript", transcript(for_file.clone(), digest, call))
        });
    let proof =
        warp::path!("v1" / "episodes" / String / "proof").and(call()).then(move |digest: String, call: Call| {
            finish("/v1/episodes/{digest}/proof", proof(for_proof.clone(), proofs.clone(), digest, call))
        });
    list.or(one).unify().or(file).unify().or(proof).unify().boxed()
}

/// Episodes of published cycles.
#[utoipa::path(get, path = "/v1/episodes", tag = "episodes",
    params(("cycle_id" = Option<u64>, Query, description = "Only of this cycle"),
        ("uid" = Option<u16>, Query, description = "Only of the miner at this uid"),
        ("env_id" = Option<String>, Query, description = "Only in this environment"),
        ("outcome" = Option<String>, Query, description = "`success`, `failure` or `faulted`"),
        ("limit" = Option<u32>, Query, description = "1 to 1000, default 100"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before")),
    responses((status = 200, body = EpisodesOut), (status = 422, body = ErrorBody)))]
pub(super) async fn list(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    let mut query = Query::parse(&call.query)?;
    let page = query.page()?;
    let filter = EpisodeFilter {
        cycle: query.take("cycle_id")?.map(CycleId),
        uid: query.take("uid")?.map(Uid),
        environment: query.take::<EnvId>("env_id")?,
        outcome: query.take::<String>("outcome")?.map(|word| outcome_of(&word)).transpose()?,
        // What came of an episode is told to nobody before all others are done: the worlds are equal for all, so a slow
        // miner could repeat what succeeded for a quick one.
        published: true,
    };
    query.end()?;
    if let Some(environment) = &filter.environment {
        known("env_id", environment)?;
    }
    let paged = state.store.episodes(filter, page).await?;
    Ok(json(&EpisodesOut {
        episodes: paged.rows.into_iter().map(EpisodeOut::from).collect(),
        next_cursor: paged.next.map(|position| position.to_string()),
    }))
}

fn outcome_of(word: &str) -> Result<Outcome, ApiError> {
    serde_json::from_value(word.into())
        .map_err(|_| ApiError::invalid("outcome", "must be `success`, `failure` or `faulted`"))
}

/// One episode of a published cycle.
#[utoipa::path(get, path = "/v1/episodes/{digest}", tag = "episodes",
    params(("digest" = String, Path, description = "Digest of the transcript")),
    responses((status = 200, body = EpisodeOut), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn one(state: ApiState, digest: String, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    Ok(json(&EpisodeOut::from(find_published(&state, &digest).await?.0)))
}

/// The transcript of an episode, once its cycle is published: it holds the seed of the world.
#[utoipa::path(get, path = "/v1/episodes/{digest}/transcript", tag = "episodes",
    params(("digest" = String, Path, description = "Digest of the transcript")),
    responses((status = 200, description = "See docs/transcript-format.md", content_type = "application/zstd"),
        (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn transcript(state: ApiState, digest: String, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    let (_, digest) = find_published(&state, &digest).await?;
    let blobs = state.blobs.clone();
    let reading = tokio::task::spawn_blocking(move || blobs.get(&digest));
    let file = reading.await.map_err(|error| ApiError::Unavailable(error.to_string()))??;
    match file {
        Some(file) => Ok(immutable(bytes(file, "application/zstd"), &digest)),
        None => Err(ApiError::Unavailable(format!("the file of transcript {digest} is missing"))),
    }
}

/// The proof that an episode stands in its cycle's manifest.
#[utoipa::path(get, path = "/v1/episodes/{digest}/proof", tag = "episodes",
    params(("digest" = String, Path, description = "Digest of the transcript")),
    responses((status = 200, body = ProofOut), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn proof(state: ApiState, proofs: Proofs, digest: String, call: Call) -> Answer {
    call.takes("GET")?;
    Query::none(&call.query)?;
    let (row, digest) = find_published(&state, &digest).await?;
    match proofs.proof(state.store.as_ref(), row.cycle, &digest).await? {
        Some(proof) => Ok(immutable(json(&proof), &digest)),
        None => Err(ApiError::not_found("this episode is not in the manifest; the operator's probe never is")),
    }
}

async fn find(state: &ApiState, digest: &str) -> Result<EpisodeRow, ApiError> {
    let digest: Digest = digest.parse().map_err(|error| ApiError::invalid("digest", error))?;
    let unknown = || ApiError::not_found(format!("there is no episode with transcript {digest}"));
    state.store.episode(digest).await?.ok_or_else(unknown)
}

async fn find_published(state: &ApiState, digest: &str) -> Result<(EpisodeRow, Digest), ApiError> {
    let row = find(state, digest).await?;
    match row.transcript.filter(|_| row.published) {
        Some(digest) => Ok((row, digest)),
        None => Err(ApiError::NotFound {
            code: "not_published",
            detail: format!("cycle {} is not published yet; its episodes are shown when it is", row.cycle),
        }),
    }
}
