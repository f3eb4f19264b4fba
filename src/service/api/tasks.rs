//! `/v1/tasks/…`: thin over [`TaskService`](crate::service::tasks::TaskService).

use serde::Serialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::auth::caller;
use super::call::{Call, call, finish};
use super::error::{ApiError, ErrorBody};
use super::query::{Query, known};
use super::reply::{Answer, json};
use super::state::ApiState;
use crate::domain::CycleId;
use crate::service::task_wire::{
    FetchIn, FetchOut, HeartbeatOut, ReleaseOut, SubmitIn, SubmitOut, TaskOut, TasksIn, answer_word,
};
use crate::service::tasks::{FetchRequest, MAX_ITEMS, TaskQueue, TaskResult};
use crate::store::{Rejection, SubmitAnswer};

/// Counts over the task pool.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatsOut {
    /// All tasks of the cycle.
    total_tasks: u64,
    /// Waiting for an executor.
    pending_tasks: u64,
    /// With an executor.
    assigned_tasks: u64,
    /// Ended with success or failure.
    completed_tasks: u64,
    /// Broken off by the miner's fault.
    failed_tasks: u64,
    /// Given up because the platform failed too often.
    left_out_tasks: u64,
    /// Executors that hold a lease.
    active_executors: Vec<String>,
    /// The cycle that is counted.
    current_cycle_id: Option<u64>,
}

pub(super) fn routes(state: &ApiState) -> BoxedFilter<(Response,)> {
    let base = state.clone();
    warp::path!("v1" / "tasks" / String)
        .and(call())
        .then(move |what: String, call: Call| {
            let state = base.clone();
            async move {
                match what.as_str() {
                    "fetch" => finish("/v1/tasks/fetch", fetch(state, call)).await,
                    "heartbeat" => finish("/v1/tasks/heartbeat", heartbeat(state, call)).await,
                    "release" => finish("/v1/tasks/release", release(state, call)).await,
                    "submit" => finish("/v1/tasks/submit", submit(state, call)).await,
                    "stats" => finish("/v1/tasks/stats", stats(state, call)).await,
                    _ => finish("unknown", async { Err(ApiError::not_found("there is no such path")) }).await,
                }
            }
        })
        .boxed()
}

/// Leases tasks to an executor.
#[utoipa::path(post, path = "/v1/tasks/fetch", tag = "executors", security(("executor_key" = [])),
    request_body = FetchIn, responses((status = 200, body = FetchOut), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn fetch(state: ApiState, call: Call) -> Answer {
    call.takes("POST")?;
    Query::none(&call.query)?;
    let caller = caller(state.access, &call.headers, state.store.as_ref()).await?;
    let body: FetchIn = call.json().await?;
    for environment in body.env_ids.iter().flatten() {
        known("env_ids", environment)?;
    }
    let request = FetchRequest {
        executor: caller.acts_as(body.executor_id)?,
        limit: body.batch_size,
        environments: body.env_ids,
        fingerprint: body.engine_fingerprint,
    };
    let leased = state.tasks.fetch(request).await?;
    Ok(json(&FetchOut {
        tasks: leased.tasks.into_iter().map(TaskOut::from).collect(),
        total_pending: leased.total_pending,
        contests: leased.contests.into_iter().map(|(digest, contest)| (digest.to_string(), contest)).collect(),
    }))
}

/// Renews leases.
#[utoipa::path(post, path = "/v1/tasks/heartbeat", tag = "executors", security(("executor_key" = [])),
    request_body = TasksIn, responses((status = 200, body = HeartbeatOut), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn heartbeat(state: ApiState, call: Call) -> Answer {
    call.takes("POST")?;
    Query::none(&call.query)?;
    let caller = caller(state.access, &call.headers, state.store.as_ref()).await?;
    let body: TasksIn = call.json().await?;
    let executor = caller.acts_as(body.executor_id)?;
    let beat = state.tasks.heartbeat(executor, body.task_uuids).await?;
    Ok(json(&HeartbeatOut { renewed: beat.renewed, lost: beat.lost }))
}

/// Gives tasks back unfinished, which costs them no try.
#[utoipa::path(post, path = "/v1/tasks/release", tag = "executors", security(("executor_key" = [])),
    request_body = TasksIn, responses((status = 200, body = ReleaseOut), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 422, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub(super) async fn release(state: ApiState, call: Call) -> Answer {
    call.takes("POST")?;
    Query::none(&call.query)?;
    let caller = caller(state.access, &call.headers, state.store.as_ref()).await?;
    let body: TasksIn = call.json().await?;
    let executor = caller.acts_as(body.executor_id)?;
    Ok(json(&ReleaseOut { released: state.tasks.release(executor, body.task_uuids).await? }))
}

/// Hands results in. The answer leaves after they are durable; repeating it is safe.
#[utoipa::path(post, path = "/v1/tasks/submit", tag = "executors", security(("executor_key" = [])),
    request_body = SubmitIn, responses((status = 200, body = SubmitOut), (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody), (status = 413, body = ErrorBody), (status = 422, body = ErrorBody),
        (status = 503, body = ErrorBody)))]
pub(super) async fn submit(state: ApiState, call: Call) -> Answer {
    call.takes("POST")?;
    Query::none(&call.query)?;
    let caller = caller(state.access, &call.headers, state.store.as_ref()).await?;
    let body: SubmitIn = call.json().await?;
    let executor = caller.acts_as(body.executor_id)?;
    if body.results.len() > MAX_ITEMS {
        return Err(ApiError::invalid("results", format!("at most {MAX_ITEMS} in one request")));
    }
    let names: Vec<String> = body.results.iter().map(|r| format!("{} attempt {}", r.task_uuid, r.attempt)).collect();
    let consistent: Vec<bool> = body.results.iter().map(|result| result.is_consistent()).collect();
    let sound: Vec<TaskResult> =
        body.results.into_iter().filter(|result| result.is_consistent()).map(TaskResult::from).collect();
    let mut stored = state.tasks.submit(executor, sound).await?.into_iter();
    let malformed = SubmitAnswer::Rejected(Rejection::Malformed);
    let answers = consistent.into_iter().map(|sound| if sound { stored.next() } else { None }.unwrap_or(malformed));
    Ok(json(&out(&names, answers.collect())))
}

fn out(names: &[String], answers: Vec<SubmitAnswer>) -> SubmitOut {
    let errors: Vec<String> = names
        .iter()
        .zip(&answers)
        .filter_map(|(name, answer)| match answer {
            SubmitAnswer::Rejected(rejection) => Some(format!("{name}: {rejection}")),
            SubmitAnswer::Accepted | SubmitAnswer::AlreadyAccepted => None,
        })
        .collect();
    SubmitOut {
        accepted: (answers.len() - errors.len()) as u64,
        rejected: errors.len() as u64,
        errors,
        answers: answers.into_iter().map(answer_word).collect(),
    }
}

/// Counts over the tasks of a cycle.
#[utoipa::path(get, path = "/v1/tasks/stats", tag = "published",
    params(("cycle_id" = Option<u64>, Query, description = "Default: the newest cycle")),
    responses((status = 200, body = StatsOut), (status = 404, body = ErrorBody), (status = 422, body = ErrorBody)))]
pub(super) async fn stats(state: ApiState, call: Call) -> Answer {
    call.takes("GET")?;
    let mut query = Query::parse(&call.query)?;
    let cycle = query.take("cycle_id")?.map(CycleId);
    query.end()?;
    if let Some(id) = cycle
        && state.store.cycle(id).await?.is_none()
    {
        return Err(ApiError::not_found(format!("there is no cycle {id}")));
    }
    let stats = state.store.task_stats(cycle).await?;
    Ok(json(&StatsOut {
        total_tasks: stats.progress.total(),
        pending_tasks: stats.progress.pending,
        assigned_tasks: stats.progress.leased,
        completed_tasks: stats.progress.completed,
        failed_tasks: stats.progress.failed,
        left_out_tasks: stats.progress.left_out,
        active_executors: stats.active_executors.iter().map(ToString::to_string).collect(),
        current_cycle_id: stats.cycle.map(|cycle| cycle.0),
    }))
}
