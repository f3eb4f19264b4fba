//! The task queue of a remote executor: the same as in-process, over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::task_wire::{
    FetchIn, FetchOut, HeartbeatOut, ReleaseOut, ResultIn, SubmitIn, SubmitOut, TasksIn, answer_of,
};
use super::tasks::{FetchRequest, QueueFuture, TaskError, TaskQueue, TaskResult};
use crate::domain::{Digest, ExecutorId, TaskId, printable};
use crate::net::client_config;
use crate::policy::Secret;
use crate::store::{Heartbeat, Leased, SubmitAnswer};

/// Longest time to make a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for one try, from sending to the last byte; an upload of 16 MiB fits at half a megabyte a second.
const TRY_TIMEOUT: Duration = Duration::from_secs(40);
/// Tries of one request. With the pauses below they span about half a minute: a restart of the API passes
/// unnoticed, and a longer outage is for the executor's own loop, which keeps what it has.
const MAX_TRIES: u32 = 8;
/// First pause between tries; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause, also when the server asks for more.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Largest answer that is read: a hundred tasks with their settings take a fiftieth of it.
const MAX_ANSWER_BYTES: usize = 8 << 20;
/// Longest part of a refusal that is quoted.
const MAX_DETAIL_CHARS: usize = 300;

/// A [`TaskQueue`] behind the API of another process.
///
/// Every request is tried again after 429, 503 and lost connections; all of them are safe to repeat.
#[derive(Clone)]
pub struct HttpTaskClient {
    http: reqwest::Client,
    base: Url,
    key: Option<Arc<Secret>>,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientSetupError {
    /// The address is none.
    #[error("{0:?} is not the address of an API: expected http://host:port or https://host")]
    BadUrl(String),
    /// A key over a connection that others can read.
    #[error("the API key would travel unencrypted to {0}; use https://, or http:// on loopback only")]
    PlainKey(String),
    /// No TLS on this machine.
    #[error("cannot set up TLS: {0}; are the system's root certificates installed?")]
    Tls(String),
}

/// The address of an API.
///
/// # Errors
/// [`ClientSetupError::BadUrl`].
pub fn parse_api_url(text: &str) -> Result<Url, ClientSetupError> {
    let url =
        text.parse().ok().filter(|url: &Url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    url.ok_or_else(|| ClientSetupError::BadUrl(printable(text, 100)))
}

impl HttpTaskClient {
    /// A client for the API at `base`, for example `https://api.example.org`, with an executor's key.
    ///
    /// # Errors
    /// [`ClientSetupError`].
    pub fn new(base: &str, key: Option<Secret>) -> Result<HttpTaskClient, ClientSetupError> {
        let mut url = parse_api_url(base)?;
        if key.is_some() && url.scheme() == "http" && !is_loopback(&url) {
            return Err(ClientSetupError::PlainKey(printable(base, 100)));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let tls = client_config(url.scheme() == "https").map_err(|error| ClientSetupError::Tls(error.to_string()))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TRY_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| ClientSetupError::Tls(error.to_string()))?;
        Ok(HttpTaskClient { http, base: url, key: key.map(Arc::new) })
    }

    async fn post<I: Serialize, O: DeserializeOwned>(&self, path: &str, body: &I) -> Result<O, TaskError> {
        let body = serde_json::to_vec(body).map_err(|error| TaskError::Protocol(error.to_string()))?;
        let answer = self.request(Method::POST, path, "application/json", body.into()).await?;
        serde_json::from_slice(&answer).map_err(|error| TaskError::Protocol(error.to_string()))
    }

    /// Sends a request until it is answered with something else than "later".
    async fn request(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<Bytes, TaskError> {
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let (error, asked) = match self.try_once(method.clone(), path, content_type, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(Failed::Final(error)) => return Err(error),
                Err(Failed::Later { error, asked }) => (error, asked),
            };
            if tries == MAX_TRIES {
                return Err(error);
            }
            tries += 1;
            let wait = asked.unwrap_or_default().max(jittered(pause)).min(MAX_PAUSE);
            tracing::debug!(%error, tries, ?wait, path, "the API will be asked again");
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(MAX_PAUSE);
        }
    }

    async fn try_once(
        &self,
        method: Method,
        path: &str,
        content_type: &'static str,
        body: Bytes,
    ) -> Result<Bytes, Failed> {
        let url = self.base.join(path).map_err(|error| Failed::Final(TaskError::Protocol(error.to_string())))?;
        let mut request = self.http.request(method, url).header(CONTENT_TYPE, content_type).body(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let response = request.send().await.map_err(|error| Failed::lost(&error))?;
        let status = response.status();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let answer = read_capped(response).await?;
        if status.is_success() {
            return Ok(answer);
        }
        Err(refusal(status, asked.map(Duration::from_secs), &answer))
    }
}

/// Why one try did not succeed.
enum Failed {
    /// Trying again cannot help.
    Final(TaskError),
    /// Trying again may help, at the earliest after `asked`.
    Later { error: TaskError, asked: Option<Duration> },
}

impl Failed {
    fn lost(error: &reqwest::Error) -> Failed {
        // The innermost cause says what happened ("connection refused"); the outer ones repeat the address.
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Failed::Later { error: TaskError::Unavailable(cause.to_string()), asked: None }
    }
}

async fn read_capped(mut response: reqwest::Response) -> Result<Bytes, Failed> {
    let mut answer = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failed::lost(&error))? {
        if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
            let detail = format!("an answer of more than {MAX_ANSWER_BYTES} bytes");
            return Err(Failed::Final(TaskError::Protocol(detail)));
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer.freeze())
}

fn refusal(status: StatusCode, asked: Option<Duration>, body: &[u8]) -> Failed {
    let body: Option<super::api::ErrorBody> = serde_json::from_slice(body).ok();
    let detail = body.map_or_else(|| format!("status {status}"), |body| printable(&body.detail, MAX_DETAIL_CHARS));
    match status {
        StatusCode::TOO_MANY_REQUESTS => Failed::Later { error: TaskError::Overloaded, asked },
        StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT
        | StatusCode::REQUEST_TIMEOUT => Failed::Later { error: TaskError::Unavailable(detail), asked },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failed::Final(TaskError::Unauthorized(detail)),
        StatusCode::CONFLICT => Failed::Final(TaskError::Conflict(detail)),
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::PAYLOAD_TOO_LARGE => {
            Failed::Final(TaskError::Invalid { field: "request", detail })
        }
        _ => Failed::Final(TaskError::Protocol(format!("{status}: {detail}"))),
    }
}

/// A random pause between half of `pause` and all of it, so that executors do not come back all at once.
fn jittered(pause: Duration) -> Duration {
    let share = f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX);
    pause.mul_f64(0.5 + share / 2.0)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl TaskQueue for HttpTaskClient {
    fn fetch(&self, request: FetchRequest) -> QueueFuture<'_, Leased> {
        Box::pin(async move {
            let body = FetchIn {
                executor_id: request.executor,
                batch_size: request.limit,
                env_ids: request.environments,
                engine_fingerprint: request.fingerprint,
            };
            let answer: FetchOut = self.post("v1/tasks/fetch", &body).await?;
            let contests = answer.contests.into_values().map(|contest| (contest.digest(), contest)).collect();
            let tasks = answer.tasks.into_iter().map(Into::into).collect();
            Ok(Leased { tasks, total_pending: answer.total_pending, contests })
        })
    }

    fn heartbeat(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> QueueFuture<'_, Heartbeat> {
        Box::pin(async move {
            let body = TasksIn { executor_id: executor, task_uuids: tasks };
            let answer: HeartbeatOut = self.post("v1/tasks/heartbeat", &body).await?;
            Ok(Heartbeat { renewed: answer.renewed, lost: answer.lost })
        })
    }

    fn release(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> QueueFuture<'_, u64> {
        Box::pin(async move {
            let body = TasksIn { executor_id: executor, task_uuids: tasks };
            let answer: ReleaseOut = self.post("v1/tasks/release", &body).await?;
            Ok(answer.released)
        })
    }

    fn upload_transcript(&self, _executor: ExecutorId, digest: Digest, file: Bytes) -> QueueFuture<'_, ()> {
        Box::pin(async move {
            let path = format!("v1/transcripts/{digest}");
            self.request(Method::PUT, &path, "application/zstd", file).await.map(drop)
        })
    }

    fn submit(&self, executor: ExecutorId, results: Vec<TaskResult>) -> QueueFuture<'_, Vec<SubmitAnswer>> {
        Box::pin(async move {
            let count = results.len();
            let results = results.into_iter().map(ResultIn::from).collect();
            let answer: SubmitOut = self.post("v1/tasks/submit", &SubmitIn { executor_id: executor, results }).await?;
            let answers: Option<Vec<SubmitAnswer>> = answer.answers.iter().map(|word| answer_of(word)).collect();
            answers
                .filter(|answers| answers.len() == count)
                .ok_or_else(|| TaskError::Protocol("its answers to results cannot be read".into()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientSetupError, HttpTaskClient, Secret};

    #[test]
    fn a_key_never_travels_in_the_clear() {
        let key = || Some(Secret::new("kinitro_x"));
        let plain = HttpTaskClient::new("http://192.0.2.1:8000", key());
        assert!(matches!(plain, Err(ClientSetupError::PlainKey(_))));
        for fine in ["http://127.0.0.1:8000", "http://[::1]:8000/", "http://localhost"] {
            assert!(HttpTaskClient::new(fine, key()).is_ok(), "{fine}");
        }
        assert!(matches!(HttpTaskClient::new("ftp://host", None), Err(ClientSetupError::BadUrl(_))));
    }
}
