//! Bringing a project's folder into its repository on the model hub, in one commit.
//!
//! [`upload`] compares what is there with the folder, sends what differs, and returns the commit's sha. It can be broken off
//! anywhere: what the hub has got stays there and is not sent again, and nothing is visible before the commit.

mod error;
mod folder;
mod hashes;
mod key_files;
mod lfs;
mod secrets;
mod visibility;
#[allow(missing_docs, reason = "the fields are the API's own")]
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

pub use error::UploadError;
pub use folder::{ALWAYS_EXCLUDED, LocalFile, STATE_FOLDER, is_data_folder, is_left_out, list};
pub use hashes::{HashCache, Hashes};
pub use secrets::KeptSecret;
pub use visibility::{Visibility, publish, visibility};

use self::folder::is_excluded;
use self::lfs::Large;
use self::wire::{Committed, Create, Line, NDJSON, Preupload, PreuploadFile, Preuploaded, Revision, TreeEntry};
use super::{HubError, HubHttp, RepoName, escape};
use crate::domain::printable;

/// The branch that is written.
const BRANCH: &str = "main";
/// Files of one question which of them are large.
const PREUPLOAD: usize = 256;
/// First bytes of a file that the hub is shown.
const SAMPLE_BYTES: u64 = 512;
/// Longest answer about files or commits.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// Most pages of a list of files.
const MAX_PAGES: usize = 200;
/// Most bytes of small files in one commit, which is held in memory.
const MAX_SMALL_BYTES: u64 = 64 << 20;
/// Between two looks at a transfer's counter.
const TICK: Duration = Duration::from_millis(200);

/// How a folder is uploaded.
#[derive(Debug, Clone)]
pub struct UploadSettings {
    /// First line of the commit.
    pub message: String,
    /// Whether a repository that has to be made is private. Others cannot evaluate that.
    pub private: bool,
    /// Sends nothing to a repository that others see.
    pub only_private: bool,
    /// Removes what the repository has and the folder does not, but for what is left out of uploads.
    pub prune: bool,
    /// Patterns of what is left out, besides [`ALWAYS_EXCLUDED`].
    pub exclude: Vec<String>,
    /// Most bytes of the folder.
    pub max_bytes: u64,
    /// Where digests are remembered; none for nowhere.
    pub hash_cache: Option<PathBuf>,
    /// What no upload may hold.
    pub kept_secret: KeptSecret,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Bytes of the folder that are read, of all.
    Reading {
        /// Read.
        done: u64,
        /// All.
        total: u64,
    },
    /// Bytes of large files that are sent, of all that differ.
    Sending {
        /// Sent, or found there.
        done: u64,
        /// All.
        total: u64,
    },
}

/// A folder that is on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// The commit that holds it: a full sha.
    pub revision: String,
    /// Files of the folder.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of large files that were sent by this call.
    pub sent_bytes: u64,
    /// Whether this call made the commit; otherwise nothing differed.
    pub committed: bool,
    /// Files that the repository still has and the upload does not. They count towards its size, and as weights.
    pub left_there: Vec<String>,
}

/// Uploads `folder` into `repo`, which is made when it is missing.
///
/// # Errors
/// [`UploadError`]. The same call again goes on where it stopped.
pub async fn upload(
    http: &HubHttp,
    repo: &RepoName,
    folder: &Path,
    settings: &UploadSettings,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Uploaded, UploadError> {
    let files = list(folder, &settings.exclude, settings.max_bytes)?;
    settings.kept_secret.check(&files)?;
    let hashes = hash_all(&files, settings.hash_cache.clone(), watch).await?;
    make_repository(http, repo, settings.private).await?;
    let head = head(http, repo).await?;
    let there = match &head {
        Some(sha) => tree(http, repo, sha).await?,
        None => BTreeMap::new(),
    };
    let changed: Vec<usize> =
        (0..files.len()).filter(|index| !is_there(&there, &files[*index], &hashes[*index])).collect();
    let local: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    // The hub writes this file itself, with every new repository.
    let is_surplus = |path: &&String| !local.contains(path.as_str()) && path.as_str() != ".gitattributes";
    let surplus = there.keys().filter(is_surplus).cloned();
    let (deleted, left_there): (Vec<String>, Vec<String>) =
        surplus.partition(|path| settings.prune && !is_excluded(path, &settings.exclude));
    let mut uploaded = Uploaded {
        revision: head.clone().unwrap_or_default(),
        files: files.len(),
        bytes: files.iter().map(|file| file.size).sum(),
        sent_bytes: 0,
        committed: false,
        left_there,
    };
    if changed.is_empty() && deleted.is_empty() && head.is_some() {
        return Ok(uploaded);
    }
    if settings.only_private && visibility(http, repo).await? != Visibility::Private {
        return Err(UploadError::Public { repo: repo.to_string() });
    }
    let changed: Vec<(&LocalFile, &Hashes)> =
        changed.into_iter().map(|index| (&files[index], &hashes[index])).collect();
    let large = large_files(http, repo, &changed).await?;
    uploaded.sent_bytes = send_large(http, repo, &changed, &large, watch).await?;
    unchanged_since_listed(&changed)?;
    let body = commit_body(&changed, &large, &deleted, &settings.message, head.as_deref())?;
    uploaded.revision = commit(http, repo, body, head.as_deref()).await?;
    uploaded.committed = true;
    let there = tree(http, repo, &uploaded.revision).await?;
    // The whole folder: where nobody said what became of the commit, this may be somebody else's.
    let differs = files.iter().zip(&hashes).find(|(file, hashes)| !is_there(&there, file, hashes));
    let differs = differs.map(|(file, _)| &file.path).or_else(|| deleted.iter().find(|path| there.contains_key(*path)));
    if let Some(path) = differs {
        let path = printable(path, 120);
        return Err(UploadError::Unequal { repo: repo.to_string(), revision: uploaded.revision, path });
    }
    Ok(uploaded)
}

async fn hash_all(
    files: &[LocalFile],
    cache: Option<PathBuf>,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<Vec<Hashes>, UploadError> {
    let total = files.iter().map(|file| file.size).sum();
    let mut cache = HashCache::open(cache);
    let mut all = Vec::with_capacity(files.len());
    let mut before = 0;
    for file in files {
        let failed = |source| UploadError::File { path: printable(&file.path, 120), source };
        let hashes = match cache.get(file) {
            Some(known) => known,
            None => {
                let (place, size, read) = (file.place.clone(), file.size, Arc::new(AtomicU64::new(0)));
                let counter = read.clone();
                let mut hashing = tokio::task::spawn_blocking(move || {
                    hashes::hash(&place, size, |bytes| {
                        counter.fetch_add(bytes, Ordering::Relaxed);
                    })
                });
                let hashed = loop {
                    match tokio::time::timeout(TICK, &mut hashing).await {
                        Ok(hashed) => break hashed.unwrap_or_else(|_| Err(std::io::Error::other("reading it failed"))),
                        Err(_) => watch(Progress::Reading { done: before + read.load(Ordering::Relaxed), total }),
                    }
                };
                let hashed = hashed.map_err(failed)?;
                cache.put(file, hashed.clone()).map_err(failed)?;
                hashed
            }
        };
        before += file.size;
        watch(Progress::Reading { done: before, total });
        all.push(hashes);
    }
    Ok(all)
}

/// Makes the repository unless it is there.
async fn make_repository(http: &HubHttp, repo: &RepoName, private: bool) -> Result<(), UploadError> {
    if visibility(http, repo).await? != Visibility::Missing {
        return Ok(());
    }
    let create = Create { name: repo.name(), organization: repo.owner(), kind: "model", private };
    match http.post_json::<_, serde_json::Value>("/api/repos/create", &create, MAX_ANSWER_BYTES).await {
        // 409: it was made meanwhile, perhaps by a try of ours whose answer was lost.
        Ok(_) | Err(HubError::Refused { status: 409, .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The newest commit; none in an empty repository.
async fn head(http: &HubHttp, repo: &RepoName) -> Result<Option<String>, UploadError> {
    let path = format!("/api/models/{repo}/revision/{BRANCH}");
    match http.get_json::<Revision>(&path, MAX_ANSWER_BYTES).await {
        Ok(Revision { sha: Some(sha) }) if is_sha(&sha) => Ok(Some(sha)),
        Ok(Revision { sha: None }) | Err(HubError::NotFound { .. }) => Ok(None),
        Ok(_) => Err(nonsense("the newest commit", "its name is no full sha")),
        Err(error) => Err(error.into()),
    }
}

/// The files of a commit by path.
async fn tree(http: &HubHttp, repo: &RepoName, sha: &str) -> Result<BTreeMap<String, TreeEntry>, UploadError> {
    let mut entries = BTreeMap::new();
    let mut next = Some(format!("/api/models/{repo}/tree/{}?recursive=true", escape(sha)));
    for _ in 0..MAX_PAGES {
        let Some(path) = next else { return Ok(entries) };
        let page = http.get_page::<Vec<TreeEntry>>(&path, MAX_ANSWER_BYTES).await?;
        let files = page.content.into_iter().filter(TreeEntry::is_file);
        entries.extend(files.map(|entry| (entry.path.clone(), entry)));
        next = page.next;
    }
    Err(nonsense("the list of files", "it has no end"))
}

/// Whether the repository has these bytes under this path.
fn is_there(there: &BTreeMap<String, TreeEntry>, file: &LocalFile, hashes: &Hashes) -> bool {
    there.get(&file.path).is_some_and(|entry| match &entry.lfs {
        Some(lfs) => lfs.oid == hashes.sha256,
        None => entry.oid == hashes.git,
    })
}

/// Asks which of the files are large: their indices.
async fn large_files(
    http: &HubHttp,
    repo: &RepoName,
    changed: &[(&LocalFile, &Hashes)],
) -> Result<BTreeSet<usize>, UploadError> {
    let mut modes = BTreeMap::new();
    for files in changed.chunks(PREUPLOAD) {
        let described = files.iter().map(|(file, _)| describe(file)).collect::<Result<_, _>>()?;
        let question = Preupload { files: described, git_ignore: "# nothing\n" };
        let path = format!("/api/models/{repo}/preupload/{BRANCH}");
        let answer: Preuploaded = http.post_json(&path, &question, MAX_ANSWER_BYTES).await?;
        modes.extend(answer.files.into_iter().map(|mode| (mode.path.clone(), mode)));
    }
    let mut large = BTreeSet::new();
    for (index, (file, _)) in changed.iter().enumerate() {
        let mode = modes.get(&file.path).ok_or_else(|| nonsense(&file.path, "the hub does not say how it takes it"))?;
        if mode.should_ignore {
            return Err(nonsense(&file.path, "the hub would leave it out; rename it or use --exclude"));
        }
        match mode.upload_mode.as_str() {
            // Storage services take no empty objects.
            "lfs" if file.size > 0 => {
                large.insert(index);
            }
            "lfs" | "regular" => {}
            _ => return Err(nonsense(&file.path, "it is neither a small nor a large file")),
        }
    }
    let small = (0..changed.len()).filter(|index| !large.contains(index)).map(|index| changed[index].0.size);
    if small.sum::<u64>() > MAX_SMALL_BYTES {
        return Err(nonsense("the files", "more than 64 MiB of them count as small; leave some out with --exclude"));
    }
    Ok(large)
}

fn describe(file: &LocalFile) -> Result<PreuploadFile<'_>, UploadError> {
    let mut sample = Vec::new();
    let read = std::fs::File::open(&file.place).and_then(|opened| opened.take(SAMPLE_BYTES).read_to_end(&mut sample));
    read.map_err(|source| UploadError::File { path: printable(&file.path, 120), source })?;
    Ok(PreuploadFile { path: &file.path, sample: BASE64.encode(sample), size: file.size })
}

async fn send_large(
    http: &HubHttp,
    repo: &RepoName,
    changed: &[(&LocalFile, &Hashes)],
    large: &BTreeSet<usize>,
    watch: &mut (dyn FnMut(Progress) + Send),
) -> Result<u64, UploadError> {
    let files: Vec<Large> =
        large.iter().map(|index| Large { file: changed[*index].0, hashes: changed[*index].1 }).collect();
    let total = files.iter().map(|large| large.file.size).sum();
    let sent = Arc::new(AtomicU64::new(0));
    let mut sending = std::pin::pin!(lfs::send(http, repo, &files, &sent));
    loop {
        let tick = tokio::time::timeout(TICK, &mut sending).await;
        watch(Progress::Sending { done: sent.load(Ordering::Relaxed).min(total), total });
        if let Ok(uploaded) = tick {
            return uploaded;
        }
    }
}

/// Looks whether any file was written since it was listed: its digest would not be that of what was sent.
fn unchanged_since_listed(changed: &[(&LocalFile, &Hashes)]) -> Result<(), UploadError> {
    use std::os::unix::fs::MetadataExt;
    for (file, _) in changed {
        let now = std::fs::metadata(&file.place).ok();
        let time = |now: &std::fs::Metadata| i128::from(now.mtime()) * 1_000_000_000 + i128::from(now.mtime_nsec());
        if !now.is_some_and(|now| now.len() == file.size && time(&now) == file.modified_ns) {
            return Err(UploadError::Changed { path: printable(&file.path, 120) });
        }
    }
    Ok(())
}

fn commit_body(
    changed: &[(&LocalFile, &Hashes)],
    large: &BTreeSet<usize>,
    deleted: &[String],
    message: &str,
    parent: Option<&str>,
) -> Result<Vec<u8>, UploadError> {
    let mut body = Vec::new();
    let mut add = |line: &Line| {
        serde_json::to_writer(&mut body, line).expect("plain data always serialises");
        body.push(b'\n');
    };
    add(&Line::Header { summary: message, description: "", parent_commit: parent });
    for (index, (file, hashes)) in changed.iter().enumerate() {
        if large.contains(&index) {
            add(&Line::LfsFile { path: &file.path, algo: "sha256", oid: &hashes.sha256, size: file.size });
            continue;
        }
        let failed = |source| UploadError::File { path: printable(&file.path, 120), source };
        let mut content = Vec::new();
        let read = std::fs::File::open(&file.place);
        read.and_then(|opened| opened.take(file.size + 1).read_to_end(&mut content)).map_err(failed)?;
        if content.len() as u64 != file.size {
            return Err(UploadError::Changed { path: printable(&file.path, 120) });
        }
        add(&Line::File { path: &file.path, content: BASE64.encode(content), encoding: "base64" });
    }
    for path in deleted {
        add(&Line::DeletedFile { path });
    }
    Ok(body)
}

/// Sends the commit. When nobody says what became of it, the repository is looked at: a new commit may be
/// this one, and the check of the whole folder behind it tells.
async fn commit(http: &HubHttp, repo: &RepoName, body: Vec<u8>, parent: Option<&str>) -> Result<String, UploadError> {
    let path = format!("/api/models/{repo}/commit/{BRANCH}");
    match http.post_once::<Committed>(&path, NDJSON, body, MAX_ANSWER_BYTES).await {
        Ok(committed) if is_sha(&committed.commit_oid) => Ok(committed.commit_oid),
        Ok(_) => Err(nonsense("the commit", "its name is no full sha")),
        Err(HubError::Refused { status: 409 | 412, .. }) => Err(UploadError::Moved { repo: repo.to_string() }),
        Err(error) if error.is_of_unknown_fate() => {
            tokio::time::sleep(http.patience().first_pause).await;
            match head(http, repo).await? {
                Some(sha) if Some(sha.as_str()) != parent => Ok(sha),
                _ => Err(error.into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn nonsense(what: &str, why: &'static str) -> UploadError {
    UploadError::Nonsense { what: printable(what, 120), why }
}

fn is_sha(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
