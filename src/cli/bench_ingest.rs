//! `kinitro bench ingest`: results per second that are durable when they are answered.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use futures_util::stream;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::ingest_work::{Work, new_cycle, record};
use super::table::Table;
use crate::domain::ExecutorId;
use crate::policy::Secret;
use crate::service::api::{self, Access, ApiState};
use crate::service::http_server::{HttpLimits, serve};
use crate::service::task_client::HttpTaskClient;
use crate::service::tasks::{TaskQueue, TaskService, TaskServiceSettings};
use crate::store::{BlobStore, LeasedTask, NewApiKey, SqliteSettings, SqliteStore, Store};

/// Results of each line; a few seconds of work.
const RESULTS: usize = 4_000;
/// Results of the line without sharing of commits, which is far slower.
const SINGLE_RESULTS: usize = 400;
/// Requests in flight at once, as from a dozen executors.
const IN_FLIGHT: usize = 64;
/// The bar: durable results per second.
pub const BAR_PER_S: f64 = 2_000.0;

/// Figures of one run.
#[derive(Debug, Serialize)]
pub struct IngestFigures {
    /// Mean size of a transcript's file.
    pub transcript_bytes: usize,
    /// Opening a cycle with all its tasks, milliseconds.
    pub open_cycle_ms: f64,
    /// Results per second, one request each, many at once; their transcripts are there already.
    pub results_per_s: f64,
    /// The same, one after the other: each pays for its own commit.
    pub one_by_one_per_s: f64,
    /// Transcript and result per second, many at once, within the process.
    pub with_transcripts_per_s: f64,
    /// Transcript and result per second over HTTP on loopback with an API key.
    pub over_http_per_s: f64,
    /// Leases per second, in fetches of 100.
    pub leases_per_s: f64,
}

/// A store of its own in a sub-folder that is removed at the end.
struct Bench {
    folder: PathBuf,
    store: Arc<dyn Store>,
    blobs: Arc<BlobStore>,
    tasks: Arc<TaskService>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What cannot be removed is named by its folder and harms nobody.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Bench {
    async fn new(parent: &Path, name: &str) -> anyhow::Result<(Bench, f64)> {
        let folder = parent.join(format!("kinitro-bench-{}-{name}", std::process::id()));
        std::fs::create_dir(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&folder.join("db"), SqliteSettings::default())?);
        let blobs = Arc::new(BlobStore::open(&folder.join("transcripts"))?);
        let tasks = Arc::new(TaskService::new(store.clone(), blobs.clone(), TaskServiceSettings::default()));
        let bench = Bench { folder, store, blobs, tasks };
        let cycle = new_cycle(RESULTS);
        let start = Instant::now();
        bench.store.create_cycle(cycle).await?;
        Ok((bench, start.elapsed().as_secs_f64() * 1e3))
    }

    /// Leases everything; also leases per second.
    async fn lease_all(&self, executor: &ExecutorId) -> anyhow::Result<(Vec<LeasedTask>, f64)> {
        let start = Instant::now();
        let mut leased = Vec::with_capacity(RESULTS);
        while leased.len() < RESULTS {
            let answer = self.tasks.fetch(super::ingest_work::fetch(executor)).await?;
            ensure!(!answer.tasks.is_empty(), "the queue gave fewer tasks than it holds");
            leased.extend(answer.tasks);
        }
        Ok((leased, rate(RESULTS, start)))
    }
}

/// Measures on the disk that holds `folder`.
///
/// # Errors
/// A folder that cannot be written, or an answer that is not "accepted".
pub async fn measure(folder: &Path) -> anyhow::Result<IngestFigures> {
    let executor: ExecutorId = "bench".parse()?;

    let (bench, open_cycle_ms) = Bench::new(folder, "results").await?;
    let (leased, leases_per_s) = bench.lease_all(&executor).await?;
    // Each line below opens the same cycle afresh, so the same transcripts serve all.
    let recorder = executor.clone();
    let work = tokio::task::spawn_blocking(move || record(&recorder, leased)).await??;
    let transcript_bytes = work.iter().map(|one| one.file.len()).sum::<usize>() / work.len();
    send(bench.tasks.as_ref(), &executor, &work, Parts::Transcripts).await?;
    let (single, many) = work.split_at(SINGLE_RESULTS);
    let start = Instant::now();
    for one in single {
        hand_in(bench.tasks.as_ref(), &executor, one).await?;
    }
    let one_by_one_per_s = rate(single.len(), start);
    let start = Instant::now();
    send(bench.tasks.as_ref(), &executor, many, Parts::Results).await?;
    let results_per_s = rate(many.len(), start);
    // Kept to the end: a file system that is freeing thousands of files is slow to make new ones.
    let _first = bench;

    let (bench, _) = Bench::new(folder, "both").await?;
    bench.lease_all(&executor).await?;
    let start = Instant::now();
    send(bench.tasks.as_ref(), &executor, &work, Parts::Both).await?;
    let with_transcripts_per_s = rate(work.len(), start);
    let _second = bench;

    let (bench, _) = Bench::new(folder, "http").await?;
    bench.lease_all(&executor).await?;
    let over_http_per_s = over_http(&bench, &executor, &work).await?;
    Ok(IngestFigures {
        transcript_bytes,
        open_cycle_ms,
        results_per_s,
        one_by_one_per_s,
        with_transcripts_per_s,
        over_http_per_s,
        leases_per_s,
    })
}

async fn over_http(bench: &Bench, executor: &ExecutorId, work: &[Work]) -> anyhow::Result<f64> {
    let (key, new) = NewApiKey::generate(executor.clone(), None)?;
    bench.store.add_api_key(new).await?;
    let state = ApiState {
        store: bench.store.clone(),
        blobs: bench.blobs.clone(),
        tasks: bench.tasks.clone(),
        environments: Arc::new(Vec::new()),
        access: Access::Keys,
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let client = HttpTaskClient::new(&format!("http://{}", listener.local_addr()?), Some(Secret::new(&key)))?;
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, api::routes(state), HttpLimits::default(), shutdown.clone()));
    let start = Instant::now();
    send(&client, executor, work, Parts::Both).await?;
    let rate = rate(work.len(), start);
    shutdown.cancel();
    server.await??;
    Ok(rate)
}

/// What of each piece of work is sent.
#[derive(Clone, Copy, PartialEq)]
enum Parts {
    Transcripts,
    Results,
    Both,
}

async fn send(queue: &dyn TaskQueue, executor: &ExecutorId, work: &[Work], parts: Parts) -> anyhow::Result<()> {
    let mut sending = stream::iter(work)
        .map(|one| async move {
            if parts != Parts::Results {
                queue.upload_transcript(executor.clone(), one.digest, one.file.clone()).await?;
            }
            if parts != Parts::Transcripts {
                hand_in(queue, executor, one).await?;
            }
            anyhow::Ok(())
        })
        .buffer_unordered(IN_FLIGHT);
    while let Some(sent) = sending.next().await {
        sent?;
    }
    Ok(())
}

async fn hand_in(queue: &dyn TaskQueue, executor: &ExecutorId, one: &Work) -> anyhow::Result<()> {
    let answers = queue.submit(executor.clone(), vec![one.result.clone()]).await?;
    ensure!(answers.iter().all(|answer| answer.is_accepted()), "a result was rejected: {answers:?}");
    Ok(())
}

fn rate(count: usize, start: Instant) -> f64 {
    count as f64 / start.elapsed().as_secs_f64()
}

/// Prints the figures as a table.
pub fn print(figures: &IngestFigures) {
    let mut table = Table::new(&["ingest, durable when answered", "per second", "bar"]);
    let number = |figure: f64| format!("{figure:.0}");
    table.row(["results, 64 at once".into(), number(figures.results_per_s), number(BAR_PER_S)]);
    table.row(["results, one after the other".into(), number(figures.one_by_one_per_s), "-".into()]);
    table.row(["transcript + result, in process".into(), number(figures.with_transcripts_per_s), "-".into()]);
    table.row(["transcript + result, over HTTP".into(), number(figures.over_http_per_s), "-".into()]);
    table.row(["leases".into(), number(figures.leases_per_s), "-".into()]);
    table.print();
    println!(
        "transcripts of {} bytes; a cycle of {RESULTS} tasks opens in {:.0} ms",
        figures.transcript_bytes, figures.open_cycle_ms
    );
}
