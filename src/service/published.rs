//! Fetching what another operator published: manifests and transcripts, from a server that is not trusted.

use std::time::Duration;

use rustls::ClientConfig;
use serde::Deserialize;

use crate::admission::{PublishedClaim, ToldClaim};
use crate::domain::{BlockNumber, CycleId, Digest, Hotkey, Uid, WeightsDigest, printable};
use crate::net::client_config;
use crate::replay::SignedCycle;
use crate::transcript::{EpisodeRow, MAX_MANIFEST_BYTES, MAX_TRANSCRIPT_BYTES, ManifestError};

/// Longest time to make a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence while an answer arrives.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest time for a whole answer, so that one byte at a time does not hold us for ever.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(600);
/// Largest status page that is read.
const MAX_STATUS_BYTES: usize = 1024 * 1024;

/// Largest list of submissions that is read; one of 4,096 uids with all that can stand against them is smaller.
const MAX_SUBMISSIONS_BYTES: usize = 32 * 1024 * 1024;

/// Something that could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Not a place where cycles are published.
    #[error("{0:?} is no address of a published cycle: give http://host:port, or http://host:port/v1/cycles/7")]
    Address(String),
    /// No connection, or it broke.
    #[error("{url} could not be fetched: {reason}; is the server running and reachable from here?")]
    Network {
        /// What was asked for.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The server has no such thing, or not yet.
    #[error("{url} does not exist on the server: is a cycle open, or completed and published?")]
    NotFound {
        /// What was asked for.
        url: String,
    },
    /// Any other status than 200.
    #[error("{url} was answered with status {status}; redirects are not followed")]
    Status {
        /// What was asked for.
        url: String,
        /// The status code.
        status: u16,
    },
    /// More bytes than any honest answer.
    #[error("{url} was answered with more than {cap_bytes} bytes, which no honest answer has")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The limit.
        cap_bytes: usize,
    },
    /// The status page is not one.
    #[error("{url} did not answer with a status page: {reason}")]
    StatusPage {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The list of submissions is none.
    #[error("{url} did not answer with the submissions of a cycle: {reason}")]
    Submissions {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No cycle has been completed yet.
    #[error("{base} has not completed a cycle yet; try again later")]
    NoCycle {
        /// The server.
        base: String,
    },
    /// The manifest is none.
    #[error("{url}: {source}")]
    Manifest {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        source: ManifestError,
    },
    /// The server answered with another cycle's manifest.
    #[error("{url} is the manifest of cycle {found}")]
    OtherCycle {
        /// What was asked for.
        url: String,
        /// The cycle that it is of.
        found: CycleId,
    },
    /// No TLS on this machine.
    #[error("TLS cannot be used here: {0}")]
    Tls(String),
}

/// One server that publishes cycles.
#[derive(Debug, Clone)]
pub struct Published {
    base: String,
    http: reqwest::Client,
}

#[derive(Deserialize)]
struct StatusPage {
    last_completed_cycle: Option<CompletedCycle>,
}

#[derive(Deserialize)]
struct CompletedCycle {
    id: CycleId,
}

#[derive(Deserialize)]
struct SubmissionsPage {
    submissions: Vec<SubmissionRow>,
}

#[derive(Deserialize)]
struct SubmissionRow {
    uid: Uid,
    hotkey: Hotkey,
    since: BlockNumber,
    weights: Option<WeightsDigest>,
    reasons: Vec<ReasonRow>,
}

#[derive(Deserialize)]
struct ReasonRow {
    code: String,
}

impl From<SubmissionRow> for ToldClaim {
    fn from(row: SubmissionRow) -> ToldClaim {
        let SubmissionRow { uid, hotkey, since, weights, reasons } = row;
        let reasons = reasons.into_iter().map(|reason| reason.code).collect();
        ToldClaim { hotkey, claim: PublishedClaim { uid, since, weights, reasons } }
    }
}

/// Splits `http://host:port/v1/cycles/7` (with or without `/manifest`) or `http://host:port` into the server and the cycle.
///
/// # Errors
/// [`FetchError::Address`].
pub fn parse_address(address: &str) -> Result<(String, Option<CycleId>), FetchError> {
    let wrong = || FetchError::Address(printable(address, 200));
    let url = reqwest::Url::parse(address).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || url.query().is_some() {
        return Err(wrong());
    }
    let base = url.origin().ascii_serialization();
    let path: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    match path.as_slice() {
        [] => Ok((base, None)),
        ["v1", "cycles", id] | ["v1", "cycles", id, "manifest"] => {
            Ok((base, Some(CycleId(id.parse().map_err(|_| wrong())?))))
        }
        _ => Err(wrong()),
    }
}

impl Published {
    /// A client of the server at `base`, such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// [`FetchError::Tls`] when https is asked for and this machine has no root certificates.
    pub fn open(base: &str) -> Result<Published, FetchError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(base.starts_with("https"))?)
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| FetchError::Tls(error.to_string()))?;
        Ok(Published { base: base.to_owned(), http })
    }

    /// The server's address.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The newest completed cycle.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn latest(&self) -> Result<CycleId, FetchError> {
        let url = format!("{}/v1/status", self.base);
        let bytes = self.get(&url, MAX_STATUS_BYTES).await?;
        let page: StatusPage = serde_json::from_slice(&bytes)
            .map_err(|error| FetchError::StatusPage { url, reason: printable(&error.to_string(), 200) })?;
        let cycle = page.last_completed_cycle.ok_or_else(|| FetchError::NoCycle { base: self.base.clone() })?;
        Ok(cycle.id)
    }

    /// What the newest cycle's submissions say about duplicates. Nothing of it is verified.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn submissions(&self) -> Result<Vec<ToldClaim>, FetchError> {
        let url = format!("{}/v1/submissions", self.base);
        let bytes = self.get(&url, MAX_SUBMISSIONS_BYTES).await?;
        let page: SubmissionsPage = serde_json::from_slice(&bytes)
            .map_err(|error| FetchError::Submissions { url, reason: printable(&error.to_string(), 200) })?;
        Ok(page.submissions.into_iter().map(ToldClaim::from).collect())
    }

    /// The manifest of a cycle. Nothing in it is verified yet.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn manifest(&self, cycle: CycleId) -> Result<SignedCycle, FetchError> {
        let url = format!("{}/v1/cycles/{cycle}/manifest", self.base);
        let bytes = self.get(&url, MAX_MANIFEST_BYTES).await?;
        match SignedCycle::from_json(&bytes) {
            Ok(signed) if signed.manifest.cycle == cycle => Ok(signed),
            Ok(signed) => Err(FetchError::OtherCycle { url, found: signed.manifest.cycle }),
            Err(source) => Err(FetchError::Manifest { url, source }),
        }
    }

    /// The file of a transcript. Nothing in it is verified yet.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn transcript(&self, id: &Digest) -> Result<Vec<u8>, FetchError> {
        let url = format!("{}/v1/episodes/{id}/transcript", self.base);
        self.get(&url, MAX_TRANSCRIPT_BYTES).await
    }

    /// The file of a row's transcript, for the threads of a verification: waits on `runtime` until it is here.
    ///
    /// # Errors
    /// A sentence why there is none.
    pub fn transcript_of(&self, row: &EpisodeRow, runtime: &tokio::runtime::Handle) -> Result<Vec<u8>, String> {
        let id = row.transcript_id.ok_or("the row names no transcript")?;
        runtime.block_on(self.transcript(&id)).map_err(|error| error.to_string())
    }

    async fn get(&self, url: &str, cap_bytes: usize) -> Result<Vec<u8>, FetchError> {
        let network = |error: reqwest::Error| FetchError::Network { url: url.to_owned(), reason: causes(&error) };
        let too_large = || FetchError::TooLarge { url: url.to_owned(), cap_bytes };
        let mut response = self.http.get(url).send().await.map_err(network)?;
        match response.status().as_u16() {
            200 => {}
            404 => return Err(FetchError::NotFound { url: url.to_owned() }),
            status => return Err(FetchError::Status { url: url.to_owned(), status }),
        }
        if response.content_length().is_some_and(|length| length > cap_bytes as u64) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(network)? {
            if bytes.len() + chunk.len() > cap_bytes {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }
}

/// The innermost cause says what happened; the outer errors repeat the address.
fn causes(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    printable(&innermost.to_string(), 200)
}

/// A client for plain http on loopback: no TLS roots, no redirects.
///
/// # Errors
/// [`FetchError::Tls`] when no client can be made at all.
pub fn plain_http_client() -> Result<reqwest::Client, FetchError> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(tls(false)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(READ_TIMEOUT);
    builder.build().map_err(|error| FetchError::Tls(error.to_string()))
}

fn tls(is_needed: bool) -> Result<ClientConfig, FetchError> {
    client_config(is_needed).map_err(|error| FetchError::Tls(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::parse_address;
    use crate::domain::CycleId;

    #[test]
    fn addresses() {
        let base = || "http://127.0.0.1:8080".to_owned();
        assert_eq!(parse_address("http://127.0.0.1:8080").unwrap(), (base(), None));
        assert_eq!(parse_address("http://127.0.0.1:8080/").unwrap(), (base(), None));
        assert_eq!(parse_address("http://127.0.0.1:8080/v1/cycles/7").unwrap(), (base(), Some(CycleId(7))));
        assert_eq!(parse_address("http://127.0.0.1:8080/v1/cycles/7/manifest").unwrap(), (base(), Some(CycleId(7))));
        for bad in ["", "ftp://h/", "http://h/v1/cycles/x", "http://h/other", "http://h/v1/cycles/7?a=b"] {
            assert!(parse_address(bad).is_err(), "{bad}");
        }
    }
}
