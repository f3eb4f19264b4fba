//! The store in one SQLite file: embedded, no set-up, several processes of one machine may share it.

mod convert;
mod copy;
mod cycle_reads;
mod cycle_writes;
mod episode_reads;
#[cfg(test)]
mod hardship_tests;
mod keys;
mod leases;
mod open;
mod publish;
mod readers;
mod settings;
mod submit;
mod upkeep;
mod views;
mod writer;

use std::path::Path;

use super::{
    ApiKeyRow, Created, Cycle, EnvironmentSummary, EpisodeFilter, EpisodeResult, EpisodeRow, Heartbeat, LeaseRequest,
    Leased, MinerSummary, NewApiKey, NewCycle, OpenCycle, Page, Paged, Progress, Publication, Scale, ScoresView, Store,
    StoreError, StoreFuture, Submission, SubmitAnswer, TaskFacts, TaskStats, Totals, WeightsAt, WeightsView,
};
use crate::admission::ClaimHistory;
use crate::domain::{Contest, CycleId, Digest, ExecutorId, TaskId};
use readers::Readers;
use writer::Writer;

pub use copy::{DatabaseCopy, copy_database};
pub use open::SCHEMA_VERSION;
pub use settings::{RetryLimits, SqliteSettings};

/// The store over one SQLite file in WAL mode with `synchronous=FULL`.
pub struct SqliteStore {
    settings: SqliteSettings,
    writer: Writer,
    readers: Readers,
}

impl SqliteStore {
    /// Opens the file, making it or bringing its schema up to date if needed. Blocks for a moment.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for a file of another program or of a newer kinitro, [`StoreError::Unavailable`]
    /// when it cannot be opened or written.
    pub fn open(path: &Path, settings: SqliteSettings) -> Result<SqliteStore, StoreError> {
        let writer = Writer::start(open::open_writer(path)?, path)?;
        Ok(SqliteStore { settings, writer, readers: Readers::new(path) })
    }

    /// Opens a file that must be there already.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], and [`StoreError::NotFound`] when there is no such file.
    pub fn open_existing(path: &Path, settings: SqliteSettings) -> Result<SqliteStore, StoreError> {
        if !path.exists() {
            return Err(StoreError::NotFound(format!(
                "there is no database {}; run `kinitro db init`",
                path.display()
            )));
        }
        SqliteStore::open(path, settings)
    }

    /// Makes an empty database file without a schema; answers whether it is new.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn create_empty(path: &Path) -> Result<bool, StoreError> {
        open::create_empty(path)
    }

    /// Removes the database with its log. Nobody may have it open.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the file is not ours, [`StoreError::Unavailable`] when it cannot be removed.
    pub fn remove(path: &Path) -> Result<(), StoreError> {
        if path.exists() {
            open::create_empty(path)?;
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut name = path.as_os_str().to_owned();
            name.push(suffix);
            match std::fs::remove_file(&name) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::Unavailable(format!("cannot remove {}: {error}", path.display())));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read<T, F>(&self, work: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    {
        Box::pin(self.readers.read(work))
    }

    fn write<T, F>(&self, work: F) -> StoreFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    {
        Box::pin(self.writer.write(work))
    }
}

impl Store for SqliteStore {
    fn ping(&self) -> StoreFuture<'_, ()> {
        self.read(|connection| convert::one::<i64>(connection, "SELECT count(*) FROM cycle", []).map(drop))
    }

    fn next_cycle_id(&self) -> StoreFuture<'_, CycleId> {
        self.read(cycle_reads::next_id)
    }

    fn create_cycle(&self, cycle: NewCycle) -> StoreFuture<'_, Created> {
        self.write(move |connection| cycle_writes::create(connection, &cycle))
    }

    fn open_cycle(&self) -> StoreFuture<'_, Option<OpenCycle>> {
        self.read(cycle_reads::open)
    }

    fn cycle(&self, id: CycleId) -> StoreFuture<'_, Option<Cycle>> {
        self.read(move |connection| cycle_reads::by_id(connection, id))
    }

    fn cycles(&self, page: Page) -> StoreFuture<'_, Paged<Cycle>> {
        self.read(move |connection| cycle_reads::list(connection, page))
    }

    fn last_completed_cycle(&self) -> StoreFuture<'_, Option<Cycle>> {
        self.read(cycle_reads::last_completed)
    }

    fn contest(&self, digest: Digest) -> StoreFuture<'_, Option<Contest>> {
        self.read(move |connection| cycle_reads::contest(connection, &digest))
    }

    fn submissions(&self, id: CycleId) -> StoreFuture<'_, Vec<Submission>> {
        self.read(move |connection| cycle_reads::submissions(connection, id))
    }

    fn claim_history(&self) -> StoreFuture<'_, ClaimHistory> {
        self.read(cycle_reads::claim_history)
    }

    fn progress(&self, id: CycleId) -> StoreFuture<'_, Progress> {
        self.read(move |connection| cycle_reads::progress(connection, id))
    }

    fn seal_cycle(&self, id: CycleId) -> StoreFuture<'_, bool> {
        self.write(move |connection| cycle_writes::seal(connection, id))
    }

    fn leave_out_unfinished(&self, id: CycleId) -> StoreFuture<'_, u64> {
        self.write(move |connection| cycle_writes::leave_out_unfinished(connection, id))
    }

    fn cycle_episodes(&self, id: CycleId) -> StoreFuture<'_, Vec<EpisodeRow>> {
        self.read(move |connection| episode_reads::of_cycle(connection, id))
    }

    fn publish_cycle(&self, publication: Publication) -> StoreFuture<'_, ()> {
        self.write(move |connection| publish::publish(connection, &publication))
    }

    fn fail_cycle(&self, id: CycleId, reason: String) -> StoreFuture<'_, ()> {
        self.write(move |connection| cycle_writes::fail(connection, id, &reason))
    }

    fn manifest(&self, id: CycleId) -> StoreFuture<'_, Option<Vec<u8>>> {
        self.read(move |connection| cycle_reads::manifest(connection, id))
    }

    fn newest_manifest(&self) -> StoreFuture<'_, Option<(CycleId, Digest)>> {
        self.read(cycle_reads::newest_manifest)
    }

    fn lease(&self, request: LeaseRequest) -> StoreFuture<'_, Leased> {
        let settings = self.settings.clone();
        self.write(move |connection| leases::lease(connection, &settings, &request))
    }

    fn heartbeat(&self, executor: ExecutorId, tasks: Vec<TaskId>, lease_ms: u64) -> StoreFuture<'_, Heartbeat> {
        let settings = self.settings.clone();
        self.write(move |connection| leases::heartbeat(connection, &settings, &executor, &tasks, lease_ms))
    }

    fn release(&self, executor: ExecutorId, tasks: Vec<TaskId>) -> StoreFuture<'_, u64> {
        self.write(move |connection| leases::release(connection, &executor, &tasks))
    }

    fn release_dead(&self, executor: ExecutorId) -> StoreFuture<'_, u64> {
        let settings = self.settings.clone();
        self.write(move |connection| leases::release_dead(connection, &settings, &executor))
    }

    fn expire_leases(&self) -> StoreFuture<'_, u64> {
        let settings = self.settings.clone();
        self.write(move |connection| leases::expire(connection, &settings))
    }

    fn submit(&self, results: Vec<EpisodeResult>) -> StoreFuture<'_, Vec<SubmitAnswer>> {
        let settings = self.settings.clone();
        self.write(move |connection| {
            results.iter().map(|result| submit::submit(connection, &settings, result)).collect()
        })
    }

    fn task_facts(&self, tasks: Vec<TaskId>) -> StoreFuture<'_, Vec<TaskFacts>> {
        self.read(move |connection| leases::facts(connection, &tasks))
    }

    fn task_stats(&self, id: Option<CycleId>) -> StoreFuture<'_, TaskStats> {
        self.read(move |connection| cycle_reads::stats(connection, id))
    }

    fn episodes(&self, filter: EpisodeFilter, page: Page) -> StoreFuture<'_, Paged<EpisodeRow>> {
        self.read(move |connection| episode_reads::list(connection, &filter, page))
    }

    fn episode(&self, transcript: Digest) -> StoreFuture<'_, Option<EpisodeRow>> {
        self.read(move |connection| episode_reads::by_transcript(connection, &transcript))
    }

    fn weights(&self, at: WeightsAt) -> StoreFuture<'_, Option<WeightsView>> {
        self.read(move |connection| views::weights(connection, at))
    }

    fn scores(&self, id: Option<CycleId>) -> StoreFuture<'_, Option<ScoresView>> {
        self.read(move |connection| views::scores(connection, id))
    }

    fn miners(&self) -> StoreFuture<'_, Vec<MinerSummary>> {
        self.read(views::miners)
    }

    fn environments(&self) -> StoreFuture<'_, Vec<EnvironmentSummary>> {
        self.read(views::environments)
    }

    fn totals(&self) -> StoreFuture<'_, Totals> {
        self.read(cycle_reads::totals)
    }

    fn known_transcripts(&self) -> StoreFuture<'_, Vec<Digest>> {
        self.read(episode_reads::transcripts)
    }

    fn add_api_key(&self, key: NewApiKey) -> StoreFuture<'_, u64> {
        self.write(move |connection| keys::add(connection, &key))
    }

    fn api_key(&self, digest: Digest) -> StoreFuture<'_, Option<ApiKeyRow>> {
        self.read(move |connection| keys::by_digest(connection, &digest))
    }

    fn api_keys(&self) -> StoreFuture<'_, Vec<ApiKeyRow>> {
        self.read(keys::list)
    }

    fn revoke_api_key(&self, id: u64) -> StoreFuture<'_, bool> {
        self.write(move |connection| keys::revoke(connection, id))
    }

    fn scale(&self) -> StoreFuture<'_, Scale> {
        self.read(upkeep::scale)
    }

    fn reset(&self) -> StoreFuture<'_, ()> {
        self.write(upkeep::reset)
    }
}
