//! A repository at a revision, described.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::timeout;

use super::proof::Proof;
use super::stream::read_file;
use super::wire::{ModelInfo, Sibling};
use super::{DescribeError, ReadCache};
use crate::admission::{
    COLDKEY_FILE, ColdkeyText, FileWeights, MAX_COLDKEY_BYTES, RepoFile, Repository, RepositoryState, Weights,
    WeightsJoin, WeightsState,
};
use crate::domain::{Hotkey, RepositoryRules};
use crate::hub::{HubError, HubHttp, Patience, escape, parse_endpoint};

/// The public model hub.
pub const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
/// The variable that names another hub, as for the hub's own programs.
pub const ENDPOINT_VARIABLE: &str = "HF_ENDPOINT";
/// Longest description of a repository: some 80,000 files.
const MAX_INFO_BYTES: usize = 16 << 20;

/// Reads repositories of one hub as a stranger. Cheap to clone.
#[derive(Clone)]
pub struct HubReader {
    http: HubHttp,
    cache: Option<ReadCache>,
}

/// How far the tensors of a repository are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Bytes that were read, now or before.
    pub done: u64,
    /// Bytes of all safetensors files.
    pub total: u64,
}

/// What a description needs besides the repository's name.
pub struct Reading<'a> {
    /// The contest's rules. The tensors of what they refuse by its size or files are not read.
    pub rules: &'a RepositoryRules,
    /// Time for the whole description.
    pub time: Duration,
    /// The coldkeys of those who claim it, where they are known: the tensors of what its `coldkey.txt` gives to none of them
    /// are not read.
    pub owners: Option<&'a [Hotkey]>,
    /// Reads no tensors that were not read before: for when the time is over and what is known may still be told.
    pub only_known: bool,
    /// Told after every piece that came.
    pub progress: &'a (dyn Fn(Read) + Sync),
}

impl HubReader {
    /// A reader of the hub at `endpoint`, such as [`DEFAULT_ENDPOINT`]; `cache` remembers what was read.
    ///
    /// # Errors
    /// [`HubError::Address`], [`HubError::Tls`].
    pub fn new(endpoint: &str, cache: Option<ReadCache>, patience: Patience) -> Result<HubReader, HubError> {
        Ok(HubReader { http: HubHttp::with_patience(parse_endpoint(endpoint)?, None, patience)?, cache })
    }

    /// Describes a repository, `owner/name`, at a revision: whether everybody may see it, its files, `coldkey.txt` and its tensors.
    /// Memory stays bounded by one header and the digests; nothing but digests is written. Dropping the future ends it.
    ///
    /// # Errors
    /// [`DescribeError`], which is never the miner's fault.
    pub async fn describe(
        &self,
        repo: &str,
        revision: &str,
        reading: &Reading<'_>,
    ) -> Result<RepositoryState, DescribeError> {
        let described = timeout(reading.time, self.describe_in_time(repo, revision, reading)).await;
        described.map_err(|_| DescribeError::OutOfTime { seconds: reading.time.as_secs() })?
    }

    async fn describe_in_time(
        &self,
        repo: &str,
        revision: &str,
        reading: &Reading<'_>,
    ) -> Result<RepositoryState, DescribeError> {
        let path = format!("/api/models/{}/revision/{}?blobs=true", escape(repo), escape_part(revision));
        let info: ModelInfo = match self.http.get_json(&path, MAX_INFO_BYTES).await {
            Ok(info) => info,
            Err(error) => return state_of(error),
        };
        if let Some(barrier) = info.barrier() {
            return Ok(RepositoryState::Private(barrier.to_owned()));
        }
        let wrong = |cause: &str| self.wrong(repo, cause);
        let sha = info.sha.clone().ok_or_else(|| wrong("it names no sha"))?;
        if is_sha(revision) && !revision.eq_ignore_ascii_case(&sha) {
            // A branch or tag whose name looks like a sha: it can be moved to any weights later.
            return Ok(RepositoryState::RevisionMissing);
        }
        let mut files = Vec::with_capacity(info.siblings.len());
        for file in &info.siblings {
            let bytes = file.bytes().ok_or_else(|| wrong("it gives a file without its size"))?;
            files.push(RepoFile { path: file.rfilename.clone(), bytes });
        }
        let mut repository = Repository {
            sha,
            last_modified: info.last_modified,
            files,
            coldkey: ColdkeyText::NotRead,
            weights: WeightsState::NotRead,
        };
        let base = format!("/{}/resolve/{}/", escape(repo), escape_part(&repository.sha));
        repository.coldkey = match self.coldkey(&base, &info.siblings).await {
            Ok(coldkey) => coldkey,
            Err(DescribeError::Hub(error)) => return state_of_file(error),
            Err(error) => return Err(error),
        };
        if repository.is_worth_reading(reading.rules) && repository.may_be_of(reading.owners, reading.rules) {
            match self.weights(&base, &info.siblings, &repository, reading).await {
                Ok(weights) => repository.weights = weights,
                Err(DescribeError::Hub(error)) => return state_of_file(error),
                Err(error) => return Err(error),
            }
        }
        Ok(RepositoryState::Found(repository))
    }

    async fn coldkey(&self, base: &str, siblings: &[Sibling]) -> Result<ColdkeyText, DescribeError> {
        let Some(file) = siblings.iter().find(|file| file.rfilename == COLDKEY_FILE) else {
            return Ok(ColdkeyText::Missing);
        };
        let bytes = file.bytes().unwrap_or_default();
        if bytes > MAX_COLDKEY_BYTES {
            return Ok(ColdkeyText::TooLong(bytes));
        }
        let content = self.http.get_bytes(&format!("{base}{COLDKEY_FILE}"), MAX_COLDKEY_BYTES as usize).await?;
        let mut proof = Proof::of(file, content.len() as u64);
        proof.update(&content);
        if !proof.holds() {
            return Err(DescribeError::WrongDigest { path: COLDKEY_FILE.to_owned() });
        }
        Ok(ColdkeyText::Text(String::from_utf8_lossy(&content).into_owned()))
    }

    async fn weights(
        &self,
        base: &str,
        siblings: &[Sibling],
        repository: &Repository,
        reading: &Reading<'_>,
    ) -> Result<WeightsState, DescribeError> {
        let wanted = repository.safetensors();
        if let Err(problem) = Weights::check_count(wanted.len()) {
            return Ok(WeightsState::Wrong(problem));
        }
        let total = wanted.iter().fold(0, |sum: u64, file| sum.saturating_add(file.bytes));
        let done = AtomicI64::new(0);
        let moved = |bytes: i64| {
            let done = done.fetch_add(bytes, Ordering::Relaxed) + bytes;
            (reading.progress)(Read { done: done.max(0) as u64, total });
        };
        let mut joined = WeightsJoin::default();
        for RepoFile { path, bytes } in wanted {
            let named = |file: &&Sibling| file.rfilename == *path;
            let Some(file) = siblings.iter().find(named) else { continue };
            let read = self.file(&format!("{base}{}", escape(path)), file, *bytes, (reading, &moved)).await?;
            let read = read.map_err(|problem| problem.in_file(path));
            if let Err(problem) = read.and_then(|tensors| joined.push(path, tensors)) {
                return Ok(WeightsState::Wrong(problem));
            }
        }
        Ok(match joined.finish() {
            Ok(weights) => WeightsState::Read(weights),
            Err(problem) => WeightsState::Wrong(problem),
        })
    }

    /// The tensors of one file, from the cache or the hub.
    async fn file(
        &self,
        url_path: &str,
        file: &Sibling,
        bytes: u64,
        (reading, moved): (&Reading<'_>, &(dyn Fn(i64) + Sync)),
    ) -> Result<Result<FileWeights, crate::admission::WeightsProblem>, DescribeError> {
        let place = self.cache.as_ref().zip(file.content());
        if let Some(read) = place.as_ref().and_then(|(cache, content)| cache.get(content, bytes)) {
            moved(bytes as i64);
            return Ok(read);
        }
        if reading.only_known {
            return Err(DescribeError::OutOfTime { seconds: reading.time.as_secs() });
        }
        let read = read_file(&self.http, url_path, file, bytes, moved).await?;
        if let Some((cache, content)) = place {
            cache.put(&content, bytes, &read);
        }
        Ok(read)
    }

    fn wrong(&self, repo: &str, cause: &str) -> HubError {
        let server = self.http.endpoint().host_str().unwrap_or_default().to_owned();
        HubError::Malformed { server, what: crate::domain::printable(repo, 120), cause: cause.to_owned() }
    }
}

/// A part of a path in which slashes are no separators.
fn escape_part(text: &str) -> String {
    escape(text).replace('/', "%2F")
}

fn is_sha(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// What a refusal of a file says about a repository that the hub has just described: only the hub's own codes count, for the
/// storage behind it refuses by itself.
///
/// # Errors
/// The error itself, when it has none of them.
fn state_of_file(error: HubError) -> Result<RepositoryState, DescribeError> {
    if error.code().is_empty() { Err(error.into()) } else { state_of(error) }
}

/// What a refusal says about the repository, as documented for the hub's own client: to strangers a repository that is missing
/// and one that is private look the same, and status 401 without a code is either.
///
/// # Errors
/// The error itself, when it says nothing about the repository: a page that a wrong address or a proxy answers with says 404 too.
fn state_of(error: HubError) -> Result<RepositoryState, DescribeError> {
    let code = error.code().to_owned();
    let is_disabled = |message: &str| message.contains("Access to this resource is disabled");
    match (&error, code.as_str()) {
        (_, "RepoNotFound") => Ok(RepositoryState::Missing),
        (_, "RevisionNotFound") => Ok(RepositoryState::RevisionMissing),
        (_, "GatedRepo") => Ok(RepositoryState::Private("gated".to_owned())),
        (_, "DisabledRepo") => Ok(RepositoryState::Private("disabled".to_owned())),
        (HubError::Unauthorised { .. }, "") => Ok(RepositoryState::Missing),
        (HubError::Forbidden { message, .. }, _) if is_disabled(message) => {
            Ok(RepositoryState::Private("disabled".to_owned()))
        }
        _ => Err(error.into()),
    }
}
