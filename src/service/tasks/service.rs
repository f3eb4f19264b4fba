//! The task queue over a store and a folder of transcripts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::facts_check::{contradiction, foreign_field, task_named_by};
use super::verified::{RecentlyVerified, Verified};
use super::{FetchRequest, MAX_FETCH, MAX_ITEMS, QueueFuture, TaskError, TaskQueue, TaskResult};
use crate::domain::{Contest, Digest, ExecutorId, TaskId, printable};
use crate::store::{
    BlobStore, EpisodeResult, Heartbeat, LeaseRequest, Leased, Rejection, Store, SubmitAnswer, TaskFacts,
};
use crate::transcript::{Header, Transcript};

/// Transcripts being taken at once, in whatever stage. One is at most 16 MiB, so this bounds what waits in memory.
const MAX_UPLOADS: usize = 128;
/// Longest note of an executor that is kept.
const MAX_NOTE_CHARS: usize = 400;

/// Settings of a [`TaskService`].
#[derive(Debug, Clone, Copy)]
pub struct TaskServiceSettings {
    /// How long a lease lasts without a heartbeat. Default 60 s: three heartbeats of an executor may get lost.
    pub lease: Duration,
    /// Transcripts checked at once. Default: one per core, since a check only computes.
    pub checks: usize,
    /// Transcripts written at once. Default 32: a write mostly waits for the disk, which serves many waiting
    /// syncs together.
    pub writes: usize,
}

impl Default for TaskServiceSettings {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        TaskServiceSettings { lease: Duration::from_secs(60), checks: cores, writes: 32 }
    }
}

/// All logic of fetch, heartbeat, upload and submit.
pub struct TaskService {
    store: Arc<dyn Store>,
    blobs: Arc<BlobStore>,
    settings: TaskServiceSettings,
    checking: Arc<Semaphore>,
    writing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    recent: RecentlyVerified,
    contests: Mutex<BTreeMap<Digest, Arc<Contest>>>,
}

impl TaskService {
    /// A task queue over `store`, its transcripts in `blobs`.
    pub fn new(store: Arc<dyn Store>, blobs: Arc<BlobStore>, settings: TaskServiceSettings) -> TaskService {
        TaskService {
            store,
            blobs,
            settings,
            checking: Arc::new(Semaphore::new(settings.checks)),
            writing: Arc::new(Semaphore::new(settings.writes)),
            waiting: Arc::new(Semaphore::new(MAX_UPLOADS)),
            recent: RecentlyVerified::default(),
            contests: Mutex::default(),
        }
    }

    fn lease_ms(&self) -> u64 {
        self.settings.lease.as_millis() as u64
    }

    /// Runs work that computes or waits for the disk beside the async threads, as much of it at once as `slots` has.
    async fn beside<T, F>(&self, slots: &Arc<Semaphore>, work: F) -> Result<T, TaskError>
    where
        T: Send + 'static,
        F: FnOnce(&BlobStore) -> Result<T, TaskError> + Send + 'static,
    {
        let stopped = || TaskError::Unavailable("the transcript checker has stopped".into());
        let running = slots.clone().acquire_owned().await.map_err(|_| stopped())?;
        let blobs = self.blobs.clone();
        let working = tokio::task::spawn_blocking(move || {
            let _running = running;
            work(&blobs)
        });
        working.await.unwrap_or_else(|_| Err(TaskError::Unavailable("the check of a transcript broke off".into())))
    }

    /// The task a header names, if the header agrees with it in everything.
    async fn owner(&self, header: &Header) -> Result<TaskFacts, TaskError> {
        let foreign = |detail: String| TaskError::Invalid { field: "transcript", detail };
        let id = task_named_by(header).ok_or_else(|| foreign("it is of no cycle".into()))?;
        let facts = self.store.task_facts(vec![id]).await?.pop();
        let facts = facts.ok_or_else(|| foreign(format!("it belongs to task {id}, which does not exist here")))?;
        let contest = self.contest(facts.contest).await?;
        match foreign_field(header, &facts, &contest) {
            None => Ok(facts),
            Some(field) => Err(foreign(format!("its {field} is not that of task {id}"))),
        }
    }

    async fn contest(&self, digest: Digest) -> Result<Arc<Contest>, TaskError> {
        let known = self.contests.lock().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned();
        if let Some(contest) = known {
            return Ok(contest);
        }
        let stored = self.store.contest(digest).await?;
        let contest = Arc::new(stored.ok_or_else(|| TaskError::Conflict(format!("contest {digest} is not stored")))?);
        // One contest per release of its settings: this never grows large.
        self.contests.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, contest.clone());
        Ok(contest)
    }

    /// Keeps a transcript that was recorded by `executor`, or by anybody when nobody was asked for a key.
    ///
    /// # Errors
    /// [`TaskError::Invalid`] when it is no sound transcript, its digest is another, or it belongs to no task here.
    pub async fn keep_transcript(
        &self,
        executor: Option<ExecutorId>,
        digest: Digest,
        file: Bytes,
    ) -> Result<(), TaskError> {
        if self.recent.get(&digest).is_some() {
            return Ok(());
        }
        let _place = self.waiting.try_acquire().map_err(|_| TaskError::Overloaded)?;
        let bytes = file.clone();
        let (header, verified) = self.beside(&self.checking, move |_| decode(&bytes, &digest)).await?;
        if let Some(executor) = executor.filter(|executor| *executor != header.executor) {
            let detail = format!("it was recorded by {}, not by {executor}", header.executor);
            return Err(TaskError::Invalid { field: "transcript", detail });
        }
        self.owner(&header).await?;
        self.beside(&self.writing, move |blobs| Ok(blobs.put(&digest, &file)?)).await?;
        self.recent.remember(digest, verified);
        Ok(())
    }

    /// What the transcript says that a result names, decoded again if its upload was not seen by this process.
    async fn transcript_of(&self, digest: Digest) -> Result<Result<Verified, Rejection>, TaskError> {
        if let Some(verified) = self.recent.get(&digest) {
            return Ok(Ok(verified));
        }
        let read = self.beside(&self.checking, move |blobs| {
            let Some(file) = blobs.get(&digest)? else { return Ok(None) };
            match decode(&file, &digest) {
                Ok(read) => Ok(Some(read)),
                Err(error) => {
                    // It was sound when it was taken: this disk has lost it.
                    tracing::error!(%digest, %error, "a kept transcript is damaged");
                    Ok(None)
                }
            }
        });
        let Some((header, verified)) = read.await? else { return Ok(Err(Rejection::UnknownTranscript)) };
        match self.owner(&header).await {
            Ok(_) => {}
            Err(TaskError::Invalid { .. }) => return Ok(Err(Rejection::ForeignTranscript)),
            Err(other) => return Err(other),
        }
        self.recent.remember(digest, verified.clone());
        Ok(Ok(verified))
    }

    /// Checks a result against its transcript and completes it from there.
    async fn complete(
        &self,
        executor: &ExecutorId,
        result: TaskResult,
    ) -> Result<Result<EpisodeResult, Rejection>, TaskError> {
        let mut completed = EpisodeResult {
            task: result.task,
            attempt: result.attempt,
            executor: executor.clone(),
            outcome: result.outcome,
            fault: result.fault,
            transcript: result.transcript,
            replay_root: None,
            steps: result.steps,
            success_step: None,
            total_reward: result.total_reward,
            note: result.note.as_deref().map(|note| printable(note, MAX_NOTE_CHARS)),
        };
        let Some(digest) = result.transcript else { return Ok(Ok(completed)) };
        let verified = match self.transcript_of(digest).await? {
            Ok(verified) => verified,
            Err(rejection) => return Ok(Err(rejection)),
        };
        if verified.task != result.task || verified.executor != *executor {
            return Ok(Err(Rejection::ForeignTranscript));
        }
        if let Some(rejection) = contradiction(&result, &verified.footer) {
            return Ok(Err(rejection));
        }
        completed.replay_root = Some(verified.footer.replay_root);
        completed.success_step = verified.footer.first_success_step;
        Ok(Ok(completed))
    }

    async fn take_results(
        &self,
        executor: ExecutorId,
        results: Vec<TaskResult>,
    ) -> Result<Vec<SubmitAnswer>, TaskError> {
        check_count("results", results.len())?;
        let mut answers = Vec::with_capacity(results.len());
        let mut sound = Vec::with_capacity(results.len());
        for result in results {
            match self.complete(&executor, result).await? {
                Ok(completed) => {
                    answers.push(None);
                    sound.push(completed);
                }
                Err(rejection) => answers.push(Some(SubmitAnswer::Rejected(rejection))),
            }
        }
        let mut stored = self.store.submit(sound).await?.into_iter();
        let missing = || TaskError::Unavailable("the store answered fewer results than it was given".into());
        answers.into_iter().map(|answer| answer.or_else(|| stored.next()).ok_or_else(missing)).collect()
    }
}

fn decode(file: &[u8], digest: &Digest) -> Result<(Header, Verified), TaskError> {
    let invalid = |detail: String| TaskError::Invalid { field: "transcript", detail };
    let transcript = Transcript::from_bytes(file).map_err(|error| invalid(error.to_string()))?;
    if transcript.id() != *digest {
        return Err(invalid(format!("its digest is {}, not {digest}", transcript.id())));
    }
    let header = transcript.header;
    let task = task_named_by(&header).ok_or_else(|| invalid("it is of no cycle".into()))?;
    let verified = Verified { task, executor: header.executor.clone(), footer: transcript.footer };
    Ok((header, verified))
}

fn check_count(field: &'static str, count: usize) -> Result<(), TaskError> {
    if count > MAX_ITEMS {
        return Err(TaskError::Invalid { field, detail: format!("{count} are more than {MAX_ITEMS} in one request") });
    }
    Ok(())
}

impl TaskQueue for TaskService {
    fn fetch(&self, request: FetchRequest) -> QueueFuture<'_, Leased> {
        Box::pin(async move {
            if request.limit == 0 || request.limit > MAX_FETCH {
                let detail = format!("must be 1 to {MAX_FETCH}, not {}", request.limit);
                return Err(TaskError::Invalid { field: "batch_size", detail });
            }
            let lease = LeaseRequest {
                executor: request.executor,
                limit: request.limit,
                environments: request.environments,
                fingerprint: request.fingerprint,
                lease_ms: self.lease_ms(),
            };
            Ok(self.store.lease(lease).await?)
        })
    }

    fn heartbeat(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> QueueFuture<'_, Heartbeat> {
        Box::pin(async move {
            check_count("task_uuids", tasks.len())?;
            Ok(self.store.heartbeat(executor, tasks, self.lease_ms()).await?)
        })
    }

    fn release(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> QueueFuture<'_, u64> {
        Box::pin(async move {
            check_count("task_uuids", tasks.len())?;
            Ok(self.store.release(executor, tasks).await?)
        })
    }

    fn upload_transcript(&self, executor: ExecutorId, digest: Digest, file: Bytes) -> QueueFuture<'_, ()> {
        Box::pin(self.keep_transcript(Some(executor), digest, file))
    }

    fn submit(&self, executor: ExecutorId, results: Vec<TaskResult>) -> QueueFuture<'_, Vec<SubmitAnswer>> {
        Box::pin(self.take_results(executor, results))
    }
}
