//! Reading a large file in one pass, over connections that may break.

use std::ops::Range;

use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap};
use reqwest::{Response, StatusCode, Url};
use tokio::time::sleep;

use super::words::{server, what};
use super::{HubError, HubHttp};

/// A file that is being read, or a range of it. Holds one network buffer.
pub struct Download {
    http: HubHttp,
    url: Url,
    response: Response,
    position: u64,
    until: Option<u64>,
    etag: Option<String>,
    /// Failures since the last byte.
    failures: u32,
}

impl Download {
    pub(super) async fn begin(http: HubHttp, url: Url, range: Option<Range<u64>>) -> Result<Download, HubError> {
        let asked = range.as_ref().map(|range| (range.start, Some(range.end)));
        let from = asked.map_or(0, |(from, _)| from);
        let mut tried = 1;
        let response = loop {
            let opened =
                http.open(&url, asked).await.and_then(|response| placed(&url, response, from, asked.is_some()));
            match opened {
                Ok(response) => break response,
                Err(error) => {
                    let Some(pause) = http.patience().pause(tried, &error) else { return Err(error) };
                    sleep(pause).await;
                    tried += 1;
                }
            }
        };
        let until = match range {
            Some(range) => Some(range.end),
            None => response.content_length(),
        };
        let etag = etag(response.headers());
        Ok(Download { http, url, response, position: from, until, etag, failures: 0 })
    }

    /// The bytes that are still to come, where that is known.
    pub fn left(&self) -> Option<u64> {
        self.until.map(|until| until.saturating_sub(self.position))
    }

    /// The next bytes; none at the end. A connection that breaks is made again from where it broke, as often in a row as
    /// patience allows.
    ///
    /// # Errors
    /// [`HubError`]; [`HubError::Changed`] when it is another file by now.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HubError> {
        loop {
            if self.left() == Some(0) {
                return Ok(None);
            }
            let error = match self.http.next_chunk(&self.url, &mut self.response).await {
                Ok(Some(chunk)) => {
                    self.failures = 0;
                    let taken = self.left().map_or(chunk.len(), |left| chunk.len().min(left as usize));
                    self.position += taken as u64;
                    return Ok(Some(chunk.slice(..taken)));
                }
                Ok(None) if self.until.is_none() => return Ok(None),
                Ok(None) => {
                    let cause = "the file ended too early".to_owned();
                    HubError::Cut { server: server(&self.url), cause }
                }
                Err(error) => error,
            };
            self.reopen(error).await?;
        }
    }

    async fn reopen(&mut self, mut error: HubError) -> Result<(), HubError> {
        loop {
            self.failures += 1;
            let Some(pause) = self.http.patience().pause(self.failures, &error) else { return Err(error) };
            sleep(pause).await;
            let opened = self.http.open(&self.url, Some((self.position, self.until))).await;
            match opened.and_then(|response| placed(&self.url, response, self.position, true)) {
                Ok(response) if etag(response.headers()) == self.etag => {
                    self.response = response;
                    return Ok(());
                }
                Ok(_) => return Err(HubError::Changed { server: server(&self.url), what: what(&self.url) }),
                Err(again) => error = again,
            }
        }
    }

    /// The file as a stream, which ends with its first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, HubError>> {
        stream::unfold(Some(self), |download| async {
            let mut download = download?;
            match download.chunk().await {
                Ok(chunk) => chunk.map(|chunk| (Ok(chunk), Some(download))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

fn etag(headers: &HeaderMap) -> Option<String> {
    headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned)
}

/// A response that begins at byte `from`: a server that ignores ranges begins at 0.
fn placed(url: &Url, response: Response, from: u64, ranged: bool) -> Result<Response, HubError> {
    let malformed = |cause: String| HubError::Malformed { server: server(url), what: what(url), cause };
    match response.status() {
        StatusCode::PARTIAL_CONTENT if ranged => {
            let begins = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
            let begins = begins.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse().ok());
            if begins == Some(from) {
                return Ok(response);
            }
            Err(malformed(format!("bytes from {from} were asked for, and others came")))
        }
        StatusCode::OK if from == 0 => Ok(response),
        status => Err(malformed(format!("bytes from {from} were asked for; status {} came", status.as_u16()))),
    }
}
