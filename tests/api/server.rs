//! A real server on loopback, with a store, transcripts and keys.

use std::sync::Arc;
use std::time::Duration;

use kinitro::domain::*;
use kinitro::policy::Secret;
use kinitro::service::api::{self, Access, ApiState};
use kinitro::service::http_server::{HttpLimits, serve};
use kinitro::service::task_client::HttpTaskClient;
use kinitro::service::tasks::{TaskService, TaskServiceSettings};
use kinitro::store::*;
use kinitro::transcript::{Header, Observed, Recorder, StepInput, Transcript};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::support;

/// A key of executor `a`.
pub const KEY: &str = "kinitro_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

pub struct Server {
    pub url: String,
    pub store: Arc<dyn Store>,
    pub blobs: Arc<BlobStore>,
    pub clock: LeaseClock,
    pub shutdown: CancellationToken,
    pub serving: tokio::task::JoinHandle<std::io::Result<()>>,
    pub http: reqwest::Client,
    _folder: tempfile::TempDir,
}

/// A server that asks for keys, with a key of executor `a`.
pub async fn start() -> Server {
    start_with(Access::Keys, HttpLimits::default()).await
}

pub async fn start_with(access: Access, limits: HttpLimits) -> Server {
    // reqwest wants a provider for TLS even where there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let clock = LeaseClock::by_hand("this boot");
    let settings = SqliteSettings { clock: clock.clone(), ..SqliteSettings::default() };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.path().join("db"), settings).unwrap());
    let blobs = Arc::new(BlobStore::open(&folder.path().join("transcripts")).unwrap());
    let tasks = Arc::new(TaskService::new(store.clone(), blobs.clone(), TaskServiceSettings::default()));
    let key = NewApiKey {
        executor: support::executor("a"),
        digest: Digest::of(KEY.as_bytes()),
        role: ApiKeyRole::Executor,
        expires_at: None,
    };
    store.add_api_key(key).await.unwrap();
    let state = ApiState {
        store: store.clone(),
        blobs: blobs.clone(),
        tasks,
        environments: Arc::new(vec![support::environment("reach"), support::environment("push")]),
        access,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = CancellationToken::new();
    let serving = tokio::spawn(serve(listener, api::routes(state), limits, shutdown.clone()));
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    Server { url, store, blobs, clock, shutdown, serving, http, _folder: folder }
}

/// Status and JSON of an answer.
pub type Answer = (u16, Value);

impl Server {
    pub async fn with_cycle(miners: u8, episodes: u32) -> Server {
        let server = start().await;
        server.store.create_cycle(support::cycle(1, miners, episodes)).await.unwrap();
        server
    }

    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.answer(self.http.get(self.at(path))).await
    }

    /// Posts as executor `a`.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.answer(self.http.post(self.at(path)).bearer_auth(KEY).json(body)).await
    }

    pub async fn put(&self, transcript: &Transcript) -> Answer {
        let path = format!("/v1/transcripts/{}", transcript.id());
        let file = transcript.to_bytes().unwrap();
        self.answer(self.http.put(self.at(&path)).bearer_auth(KEY).body(file)).await
    }

    /// The task queue as a remote executor with the key of `a` sees it.
    pub fn client(&self) -> HttpTaskClient {
        HttpTaskClient::new(&self.url, Some(Secret::new(KEY))).unwrap()
    }

    pub async fn lease(&self, limit: u32) -> Vec<LeasedTask> {
        self.store.lease(support::request("a", limit)).await.unwrap().tasks
    }
}

/// What executor `name` recorded for a task: two steps, the second one successful unless there is a fault.
pub fn transcript(name: &str, task: &LeasedTask, contest: &Contest, fault: Option<Fault>) -> Transcript {
    let header = Header {
        engine: support::fingerprint(),
        contest: contest.digest(),
        environment: task.environment.clone(),
        index: task.index,
        cycle: Some(task.cycle),
        anchor: Some(task.anchor),
        seed: task.seed,
        randomisation: contest.randomisation,
        task_vector: vec![0.1, 0.2, 0.3],
        miner: Some(task.miner.clone()),
        profile: PolicyProfile::KinitroV1,
        encoding: Some(Encoding::Json),
        limits: contest.limits.clone(),
        max_steps: contest.max_steps,
        stop_on_success: contest.stop_on_success,
        cameras: contest.cameras.clone(),
        renderer: Default::default(),
        executor: support::executor(name),
        heavy: false,
    };
    let observed = Observed { observation: &[0.5; 39], state: &[0.25; 10], frames: &[] };
    let mut recorder = Recorder::new(header, observed);
    for step in 0..2 {
        recorder.step(StepInput {
            reply: &PolicyReply { answer: Ok([0.0; 4]), latency_us: 1_000, bytes: 30 },
            applied: Action::ZERO,
            observed,
            reward: 0.1 + f64::from(step),
            success: step == 1 && fault.is_none(),
            warnings: 0,
        });
    }
    recorder.finish(fault)
}

/// The result that goes with a transcript, as JSON.
pub fn result(task: &LeasedTask, transcript: &Transcript) -> Value {
    let footer = &transcript.footer;
    let success = footer.outcome == Outcome::Success;
    serde_json::json!({
        "task_uuid": task.id, "attempt": task.attempt, "success": success, "score": f64::from(u8::from(success)),
        "total_reward": footer.total_reward, "timesteps": footer.steps, "error": null,
        "outcome": footer.outcome, "fault": footer.fault, "transcript": transcript.id(),
    })
}
