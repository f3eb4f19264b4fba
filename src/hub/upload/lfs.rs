//! Large files: the batch, the transfer in one piece or in parts, and the hub's check of it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures_util::StreamExt;
use reqwest::Url;
use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::wire::{Action, Actions, Batch, Batched, BatchedObject, Completion, LFS_JSON, Object, Part};
use super::{Hashes, LocalFile, UploadError};
use crate::domain::printable;
use crate::hub::{HubError, HubHttp, RepoName};

/// Objects of one batch.
const BATCH: usize = 100;
/// Longest answer to a batch: each part of an object has a signed URL.
const MAX_BATCH_BYTES: usize = 64 << 20;
/// Longest other answer.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// Read from a file at once.
const BUFFER_BYTES: usize = 256 << 10;
/// Most parts of an object: what storage services allow.
const MAX_PARTS: u64 = 10_000;

/// A large file and its name.
pub struct Large<'a> {
    pub file: &'a LocalFile,
    pub hashes: &'a Hashes,
}

/// Uploads those objects that the hub does not have. `sent` counts the bytes of all, also of those that are there.
pub async fn send(
    http: &HubHttp,
    repo: &RepoName,
    files: &[Large<'_>],
    sent: &Arc<AtomicU64>,
) -> Result<u64, UploadError> {
    let mut uploaded = 0;
    for files in files.chunks(BATCH) {
        let objects = files.iter().map(|large| Object { oid: &large.hashes.sha256, size: large.file.size }).collect();
        let batch = Batch { operation: "upload", transfers: ["basic", "multipart"], objects, hash_algo: "sha256" };
        let url = http.url(&format!("/{repo}.git/info/lfs/objects/batch"))?;
        let answer = http.post_to(&url, LFS_JSON, &batch, MAX_BATCH_BYTES).await?;
        let batched: Batched =
            serde_json::from_slice(&answer).map_err(|_| nonsense("a batch", "it is no such JSON"))?;
        for large in files {
            let object = batched.objects.iter().find(|object| object.oid == large.hashes.sha256);
            let object = object.ok_or_else(|| nonsense(&large.file.path, "the batch leaves it out"))?;
            if let Some(upload) = to_do(object, large.file)? {
                send_one(http, large, upload, sent).await?;
                uploaded += large.file.size;
            } else {
                sent.fetch_add(large.file.size, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }
    Ok(uploaded)
}

fn nonsense(what: &str, why: &'static str) -> UploadError {
    UploadError::Nonsense { what: printable(what, 120), why }
}

fn to_do<'a>(object: &'a BatchedObject, file: &LocalFile) -> Result<Option<&'a Actions>, UploadError> {
    if let Some(error) = &object.error {
        let (path, message) = (printable(&file.path, 120), printable(&error.message, 200));
        return Err(UploadError::Object { path, message });
    }
    Ok(object.actions.as_ref().filter(|actions| actions.upload.is_some()))
}

async fn send_one(
    http: &HubHttp,
    large: &Large<'_>,
    actions: &Actions,
    sent: &Arc<AtomicU64>,
) -> Result<(), UploadError> {
    let Some(upload) = &actions.upload else { return Ok(()) };
    let href = url_of(&upload.href, large.file)?;
    match chunk_size(upload, large.file)? {
        None => {
            put(http, &href, large.file, (0, large.file.size), &headers_of(upload), sent).await?;
        }
        Some(chunk) => {
            let parts = send_parts(http, large.file, upload, chunk, sent).await?;
            let completion = Completion { oid: &large.hashes.sha256, parts };
            http.post_to(&href, LFS_JSON, &completion, MAX_ANSWER_BYTES).await?;
        }
    }
    if let Some(verify) = &actions.verify {
        let object = Object { oid: &large.hashes.sha256, size: large.file.size };
        http.post_to(&url_of(&verify.href, large.file)?, LFS_JSON, &object, MAX_ANSWER_BYTES).await?;
    }
    Ok(())
}

async fn send_parts(
    http: &HubHttp,
    file: &LocalFile,
    upload: &Action,
    chunk: u64,
    sent: &Arc<AtomicU64>,
) -> Result<Vec<Part>, UploadError> {
    let count = file.size.div_ceil(chunk);
    let mut parts = Vec::new();
    for index in 0..count {
        // The hub writes the numbers with leading zeros.
        let is_part = |name: &&String| name.parse::<u64>().is_ok_and(|number| number == index + 1);
        let named = upload.header.keys().find(is_part).and_then(|name| upload.header[name].as_str());
        let url = url_of(named.ok_or_else(|| nonsense(&file.path, "a part has no address"))?, file)?;
        let from = index * chunk;
        let bytes = chunk.min(file.size - from);
        let headers = put(http, &url, file, (from, bytes), &HeaderMap::new(), sent).await?;
        let etag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.is_empty());
        let etag = etag.ok_or_else(|| nonsense(&file.path, "a part was taken without an ETag"))?;
        parts.push(Part { part_number: parts.len() + 1, etag: etag.to_owned() });
    }
    Ok(parts)
}

/// The size of a part, if the object goes in parts.
fn chunk_size(upload: &Action, file: &LocalFile) -> Result<Option<u64>, UploadError> {
    let Some(size) = upload.header.get("chunk_size") else { return Ok(None) };
    let size = size.as_u64().or_else(|| size.as_str()?.parse().ok()).filter(|size| *size > 0);
    let size = size.ok_or_else(|| nonsense(&file.path, "the size of its parts is no number"))?;
    if file.size.div_ceil(size) > MAX_PARTS {
        return Err(nonsense(&file.path, "it has too many parts"));
    }
    Ok(Some(size))
}

fn url_of(href: &str, file: &LocalFile) -> Result<Url, UploadError> {
    href.parse().map_err(|_| nonsense(&file.path, "an address is no URL"))
}

/// The headers that a basic transfer asks for; the client sets the length itself.
fn headers_of(upload: &Action) -> HeaderMap {
    let header = |(name, value): (&String, &serde_json::Value)| {
        let name: HeaderName = name.parse().ok()?;
        let mut value = HeaderValue::from_str(value.as_str()?).ok()?;
        value.set_sensitive(true);
        (name != reqwest::header::CONTENT_LENGTH && name != reqwest::header::HOST).then_some((name, value))
    };
    upload.header.iter().filter_map(header).collect()
}

/// Puts the bytes `from..from + bytes` of a file.
async fn put(
    http: &HubHttp,
    url: &Url,
    file: &LocalFile,
    (from, bytes): (u64, u64),
    headers: &HeaderMap,
    sent: &Arc<AtomicU64>,
) -> Result<HeaderMap, UploadError> {
    let body = || async {
        let failed = |source| HubError::File { path: printable(&file.path, 120), source };
        let mut opened = tokio::fs::File::open(&file.place).await.map_err(failed)?;
        opened.seek(std::io::SeekFrom::Start(from)).await.map_err(failed)?;
        let counter = sent.clone();
        let stream = ReaderStream::with_capacity(opened.take(bytes), BUFFER_BYTES).inspect(move |chunk| {
            let length = chunk.as_ref().map_or(0, bytes::Bytes::len);
            counter.fetch_add(length as u64, std::sync::atomic::Ordering::Relaxed);
        });
        Ok(reqwest::Body::wrap_stream(stream))
    };
    Ok(http.put_stream(url, bytes, headers, sent, body).await?)
}
