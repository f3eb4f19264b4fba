//! The HTTP client for a service that is trusted with a token, and with nothing else.

use std::error::Error;
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, LINK, LOCATION, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout};

use super::endpoint::check_endpoint;
use super::local_only::{LocalOnly, is_public_address};
use super::words::{is_redirect, message_of, path_of, quota_after, retry_after, server, shown, to_json, what};
use super::{Download, HubError, Patience, Token};
use crate::domain::printable;

/// Redirects of one request that are followed.
const MAX_REDIRECTS: usize = 5;
/// Longest body of a refusal that is looked at.
const MAX_REFUSAL_BYTES: usize = 8 << 10;
/// Longest sentence of a server that is shown.
const MAX_MESSAGE_CHARS: usize = 300;
/// Longest name of an error.
const MAX_CODE_CHARS: usize = 40;

/// A client of one service. Cheap to clone.
#[derive(Clone)]
pub struct HubHttp {
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Url,
    token: Option<Token>,
    patience: Patience,
    http: reqwest::Client,
}

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// What it holds.
    pub content: T,
    /// The path of the next page, for [`HubHttp::get_page`].
    pub next: Option<String>,
}

/// How a request goes on after a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It may be sent again whatever became of it.
    Always,
    /// Only if the server surely did nothing: it refused, or there was no connection.
    Unless,
}

impl HubHttp {
    /// A client of the service at `endpoint`: scheme, host, port and perhaps a path before all others. With a token, plain
    /// http leads to loopback and private addresses only.
    ///
    /// # Errors
    /// [`HubError::Address`], [`HubError::Token`], [`HubError::Tls`].
    pub fn new(endpoint: Url, token: Option<Token>) -> Result<HubHttp, HubError> {
        HubHttp::with_patience(endpoint, token, Patience::default())
    }

    /// The same with other bounds of waiting.
    ///
    /// # Errors
    /// As [`HubHttp::new`].
    pub fn with_patience(endpoint: Url, token: Option<Token>, patience: Patience) -> Result<HubHttp, HubError> {
        check_endpoint(&endpoint)?;
        token.as_ref().map(Token::header).transpose()?;
        let is_https = endpoint.scheme() == "https";
        if token.is_some() && !is_https && is_public_address(&endpoint) {
            let cause = "a token goes over plain http to loopback and private addresses only; use https";
            return Err(HubError::Address { address: shown(&endpoint), cause });
        }
        let tls = crate::net::client_config(is_https).map_err(|error| HubError::Tls(error.to_string()))?;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(is_https)
            .user_agent(concat!("kinitro/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience.connect)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_only()
            .tcp_nodelay(true);
        // A service on http is one of a local network, which no proxy leads to.
        let builder = if is_https { builder } else { builder.no_proxy() };
        let is_local = token.is_some() && !is_https;
        let builder = if is_local { builder.dns_resolver(Arc::new(LocalOnly)) } else { builder };
        let http = builder.build().map_err(|error| HubError::Tls(error.without_url().to_string()))?;
        Ok(HubHttp { shared: Arc::new(Shared { endpoint, token, patience, http }) })
    }

    /// Where the service is.
    pub fn endpoint(&self) -> &Url {
        &self.shared.endpoint
    }

    /// The bounds of waiting.
    pub fn patience(&self) -> &Patience {
        &self.shared.patience
    }

    /// Gets a JSON document of at most `cap_bytes`. `path` begins with a slash and may hold a query; foreign names in it
    /// went through [`crate::hub::escape`].
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str, cap_bytes: usize) -> Result<T, HubError> {
        Ok(self.get_page(path, cap_bytes).await?.content)
    }

    /// The same for a list that comes in pages.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn get_page<T: DeserializeOwned>(&self, path: &str, cap_bytes: usize) -> Result<Page<T>, HubError> {
        let url = self.url(path)?;
        self.patiently(Repeat::Always, || async {
            let response = self.follow(Method::GET, url.clone(), &|request| request).await?;
            let next = self.next_page(&url, response.headers());
            Ok(Page { content: self.read_json(&url, response, cap_bytes).await?, next })
        })
        .await
    }

    /// Gets a small file whole.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn get_bytes(&self, path: &str, cap_bytes: usize) -> Result<Vec<u8>, HubError> {
        let url = self.url(path)?;
        self.patiently(Repeat::Always, || async {
            let response = self.follow(Method::GET, url.clone(), &|request| request).await?;
            self.read_capped(&url, response, cap_bytes).await
        })
        .await
    }

    /// Begins to get a file, or the bytes `range` of it. A connection that breaks meanwhile is made again and goes on
    /// where it stopped.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn get_stream(&self, path: &str, range: Option<Range<u64>>) -> Result<Download, HubError> {
        Download::begin(self.clone(), self.url(path)?, range).await
    }

    /// Posts JSON and reads JSON. What is posted must mean the same when it is said twice.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn post_json<B: Serialize, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
        cap_bytes: usize,
    ) -> Result<T, HubError> {
        let url = self.url(path)?;
        let bytes =
            self.send(Method::POST, Repeat::Always, &url, ("application/json", to_json(body)), cap_bytes).await?;
        self.parse(&url, &bytes)
    }

    /// Puts JSON. What the service answers, of at most `cap_bytes`, is not looked at.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn put_json<B: Serialize>(&self, path: &str, body: &B, cap_bytes: usize) -> Result<(), HubError> {
        let url = self.url(path)?;
        self.send(Method::PUT, Repeat::Always, &url, ("application/json", to_json(body)), cap_bytes).await.map(drop)
    }

    /// Posts JSON of the media type `media_type` to a whole URL that the service named. The token goes along only when it
    /// is the service's own. Returns the answer's bytes.
    ///
    /// # Errors
    /// [`HubError`].
    pub async fn post_to<B: Serialize>(
        &self,
        url: &Url,
        media_type: &'static str,
        body: &B,
        cap_bytes: usize,
    ) -> Result<Vec<u8>, HubError> {
        self.check(url, url)?;
        self.send(Method::POST, Repeat::Always, url, (media_type, to_json(body)), cap_bytes).await
    }

    /// Posts what must not be carried out twice, such as a commit. It is sent again only when the server surely did
    /// nothing with it.
    ///
    /// # Errors
    /// [`HubError`], of which [`HubError::is_of_unknown_fate`] tells that it may have been carried out.
    pub async fn post_once<T: DeserializeOwned>(
        &self,
        path: &str,
        media_type: &'static str,
        body: Vec<u8>,
        cap_bytes: usize,
    ) -> Result<T, HubError> {
        let url = self.url(path)?;
        let bytes = self.send(Method::POST, Repeat::Unless, &url, (media_type, body), cap_bytes).await?;
        self.parse(&url, &bytes)
    }

    /// Puts `length` bytes to a URL that the service named, without following redirects, with the `headers` that it asked
    /// for. `body` is asked for the bytes anew at each try, and adds to the counter what it hands out, by which a stalled transfer is told. Returns the answer's
    /// headers.
    ///
    /// # Errors
    /// [`HubError`], and those of `body`.
    pub async fn put_stream<F>(
        &self,
        url: &Url,
        length: u64,
        headers: &HeaderMap,
        sent: &AtomicU64,
        body: impl Fn() -> F,
    ) -> Result<HeaderMap, HubError>
    where
        F: Future<Output = Result<reqwest::Body, HubError>>,
    {
        self.check(url, url)?;
        self.patiently(Repeat::Always, || async {
            let before = sent.load(Ordering::Relaxed);
            let tried = async {
                let request = self.authorised(Method::PUT, url).headers(headers.clone());
                let request = request.header(CONTENT_LENGTH, length).body(body().await?);
                let response = self.watched(url, request, sent).await?;
                if response.status().is_success() {
                    return Ok(response.headers().clone());
                }
                Err(self.refusal(url, response).await)
            };
            let result = tried.await;
            if result.is_err() {
                // What a failed try sent does not count as done.
                sent.store(before, Ordering::Relaxed);
            }
            result
        })
        .await
    }

    /// Sends a request and gives up when its body does not move for the stall time.
    async fn watched(&self, url: &Url, request: RequestBuilder, sent: &AtomicU64) -> Result<Response, HubError> {
        let stall = self.shared.patience.stall;
        let mut sending = std::pin::pin!(request.send());
        let mut seen = sent.load(Ordering::Relaxed);
        loop {
            match timeout(stall, &mut sending).await {
                Ok(result) => return result.map_err(|error| self.broken(url, &error)),
                Err(_) if sent.load(Ordering::Relaxed) == seen => return Err(self.stalled(url)),
                Err(_) => seen = sent.load(Ordering::Relaxed),
            }
        }
    }

    async fn send(
        &self,
        method: Method,
        repeat: Repeat,
        url: &Url,
        (media_type, body): (&'static str, Vec<u8>),
        cap_bytes: usize,
    ) -> Result<Vec<u8>, HubError> {
        let body = bytes::Bytes::from(body);
        let accepted = if media_type.ends_with("+json") { media_type } else { "application/json" };
        self.patiently(repeat, || async {
            let with_body = |request: RequestBuilder| {
                request.header(ACCEPT, accepted).header(CONTENT_TYPE, media_type).body(body.clone())
            };
            let response = self.follow(method.clone(), url.clone(), &with_body).await?;
            self.read_capped(url, response, cap_bytes).await
        })
        .await
    }

    /// The response to a GET of some bytes, for [`Download`].
    pub(super) async fn open(&self, url: &Url, range: Option<(u64, Option<u64>)>) -> Result<Response, HubError> {
        let ranged = |request: RequestBuilder| match range {
            None => request,
            Some((from, None)) => request.header(RANGE, format!("bytes={from}-")),
            Some((from, Some(until))) => request.header(RANGE, format!("bytes={from}-{}", until.saturating_sub(1))),
        };
        self.follow(Method::GET, url.clone(), &ranged).await
    }

    /// Tries until it succeeds, fails for good, or patience ends.
    pub(super) async fn patiently<T, F>(&self, repeat: Repeat, attempt: impl Fn() -> F) -> Result<T, HubError>
    where
        F: Future<Output = Result<T, HubError>>,
    {
        let mut tried = 1;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) if repeat == Repeat::Unless && error.is_of_unknown_fate() => return Err(error),
                Err(error) => error,
            };
            let Some(pause) = self.shared.patience.pause(tried, &error) else { return Err(error) };
            tracing::debug!(%error, tried, pause_ms = pause.as_millis() as u64, "trying again");
            sleep(pause).await;
            tried += 1;
        }
    }

    /// Sends a request and follows redirects by hand. Returns a successful response; its body is still to be read.
    async fn follow(
        &self,
        method: Method,
        first: Url,
        prepare: &(dyn Fn(RequestBuilder) -> RequestBuilder + Sync),
    ) -> Result<Response, HubError> {
        let mut url = first.clone();
        for _ in 0..=MAX_REDIRECTS {
            let request = prepare(self.authorised(method.clone(), &url));
            let sent = timeout(self.shared.patience.stall, request.send());
            let response = sent.await.map_err(|_| self.stalled(&url))?.map_err(|error| self.broken(&url, &error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let target = response.headers().get(LOCATION).and_then(|target| target.to_str().ok());
            let Some(target) = target.filter(|_| is_redirect(status)) else {
                return Err(self.refusal(&url, response).await);
            };
            let refuse = |cause: &str| HubError::Redirect {
                server: server(&first),
                what: what(&first),
                cause: cause.to_owned(),
            };
            let next = url.join(target).map_err(|_| refuse("to something that is no URL"))?;
            self.check(&first, &next)?;
            // What is posted may be secret, and means something to the service alone.
            let keeps_body = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            if method != Method::GET && !(keeps_body && self.is_own(&next)) {
                return Err(refuse("elsewhere, where nothing is posted"));
            }
            url = next;
        }
        Err(HubError::Redirect {
            server: server(&first),
            what: what(&first),
            cause: format!("more than {MAX_REDIRECTS} times"),
        })
    }

    /// Whether a URL may be called at all: https, or http where the service itself is on http; no user name in it.
    fn check(&self, asked: &Url, target: &Url) -> Result<(), HubError> {
        let refuse =
            |cause: &str| Err(HubError::Redirect { server: server(asked), what: what(asked), cause: cause.to_owned() });
        match target.scheme() {
            "https" => {}
            "http" if self.shared.endpoint.scheme() == "http" => {}
            _ => return refuse("to a URL without https"),
        }
        if !target.username().is_empty() || target.password().is_some() || target.host_str().is_none() {
            return refuse("to a URL with a user name, or without a host");
        }
        Ok(())
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.shared.endpoint.origin()
    }

    /// A request; the token goes along to the service's own origin only.
    fn authorised(&self, method: Method, url: &Url) -> RequestBuilder {
        let request = self.shared.http.request(method, url.clone());
        match self.shared.token.as_ref().filter(|_| self.is_own(url)).and_then(|token| token.header().ok()) {
            Some(header) => request.header(AUTHORIZATION, header),
            None => request,
        }
    }

    /// The whole URL of a path on the service.
    ///
    /// # Errors
    /// [`HubError::Address`] for a path that leads elsewhere.
    pub fn url(&self, path: &str) -> Result<Url, HubError> {
        let base = self.shared.endpoint.as_str().trim_end_matches('/');
        let refuse = |cause| HubError::Address { address: printable(path, 120), cause };
        if !path.starts_with('/') {
            return Err(refuse("a path begins with a slash"));
        }
        let url = Url::parse(&format!("{base}{path}")).map_err(|_| refuse("it makes no URL"))?;
        // `..` in a path would climb out of what the caller meant.
        let is_inside = self.is_own(&url) && url.path() == path_of(base, path);
        is_inside.then_some(url).ok_or_else(|| refuse("its parts must be escaped, without `.` and `..`"))
    }

    /// The path in a `Link: <…>; rel="next"` that stays on the service.
    fn next_page(&self, asked: &Url, headers: &HeaderMap) -> Option<String> {
        let link = headers.get(LINK)?.to_str().ok()?;
        let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
        let target = next.split_once('<')?.1.split_once('>')?.0;
        let url = asked.join(target).ok().filter(|url| self.is_own(url))?;
        let prefix = self.shared.endpoint.path().trim_end_matches('/');
        let path = url.path().strip_prefix(prefix)?;
        Some(url.query().map_or(path.to_owned(), |query| format!("{path}?{query}")))
    }

    async fn read_capped(&self, url: &Url, mut response: Response, cap_bytes: usize) -> Result<Vec<u8>, HubError> {
        let too_large = || HubError::TooLarge { server: server(url), what: what(url), cap_bytes };
        if response.content_length().is_some_and(|length| length > cap_bytes as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        let begun = Instant::now();
        // The whole of a small answer has a few stall times, however it trickles.
        let limit = self.shared.patience.stall * 4;
        while let Some(chunk) = self.next_chunk(url, &mut response).await? {
            if body.len() + chunk.len() > cap_bytes {
                return Err(too_large());
            }
            if begun.elapsed() > limit {
                return Err(self.stalled(url));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The next bytes of a body, within the stall time.
    pub(super) async fn next_chunk(
        &self,
        url: &Url,
        response: &mut Response,
    ) -> Result<Option<bytes::Bytes>, HubError> {
        let chunk = timeout(self.shared.patience.stall, response.chunk()).await;
        chunk.map_err(|_| self.stalled(url))?.map_err(|error| self.broken(url, &error))
    }

    async fn read_json<T: DeserializeOwned>(
        &self,
        url: &Url,
        response: Response,
        cap_bytes: usize,
    ) -> Result<T, HubError> {
        let body = self.read_capped(url, response, cap_bytes).await?;
        self.parse(url, &body)
    }

    fn parse<T: DeserializeOwned>(&self, url: &Url, body: &[u8]) -> Result<T, HubError> {
        let malformed = |cause: serde_json::Error| HubError::Malformed {
            server: server(url),
            what: what(url),
            cause: self.safe(&cause.to_string()),
        };
        serde_json::from_slice(body).map_err(malformed)
    }

    /// What a response that is no success means.
    async fn refusal(&self, url: &Url, mut response: Response) -> HubError {
        let status = response.status();
        let (server, what) = (server(url), what(url));
        let retry_after = retry_after(response.headers());
        let code = response.headers().get("x-error-code").and_then(|code| code.to_str().ok());
        let code = printable(code.unwrap_or_default(), MAX_CODE_CHARS);
        match status.as_u16() {
            401 => {
                let variable = self.shared.token.as_ref().map_or("the environment", Token::variable);
                return HubError::Unauthorised { server, variable, code };
            }
            404 => return HubError::NotFound { server, what, code },
            429 => {
                let retry_after = retry_after.or_else(|| quota_after(response.headers()));
                return HubError::RateLimited { server, retry_after };
            }
            status @ 500.. => return HubError::Server { server, status, retry_after },
            _ => {}
        }
        let mut body = Vec::new();
        while body.len() < MAX_REFUSAL_BYTES
            && let Ok(Some(chunk)) = self.next_chunk(url, &mut response).await
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(MAX_REFUSAL_BYTES);
        let message = self.safe(&message_of(&body));
        match status.as_u16() {
            403 => HubError::Forbidden { server, message, code },
            status => HubError::Refused { server, what, status, message },
        }
    }

    pub(super) fn stalled(&self, url: &Url) -> HubError {
        HubError::Stalled { server: server(url), seconds: self.shared.patience.stall.as_secs() }
    }

    /// A failure of the connection, without the URL and its query.
    fn broken(&self, url: &Url, error: &reqwest::Error) -> HubError {
        let mut cause: &(dyn Error + 'static) = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let (server, cause) = (server(url), self.safe(&cause.to_string()));
        if error.is_connect() { HubError::Unreachable { server, cause } } else { HubError::Cut { server, cause } }
    }

    /// A server's words, safe to show.
    fn safe(&self, text: &str) -> String {
        let text = self.shared.token.as_ref().map_or_else(|| text.to_owned(), |token| token.hidden_in(text));
        printable(text.trim(), MAX_MESSAGE_CHARS)
    }
}

#[cfg(test)]
mod tests {
    use super::super::escape;
    use super::*;

    fn client(endpoint: &str) -> Result<HubHttp, HubError> {
        HubHttp::new(endpoint.parse().unwrap(), None)
    }

    #[test]
    fn paths_stay_on_the_service_and_below_what_was_asked() {
        let hub = client("http://127.0.0.1:1/hub").unwrap();
        assert_eq!(hub.url("/api/a%20b?x=1").unwrap().as_str(), "http://127.0.0.1:1/hub/api/a%20b?x=1");
        assert!(hub.url("//evil.example/x").is_ok_and(|url| url.host_str() == Some("127.0.0.1")));
        for path in ["api", "@evil.example/", "/models/../../token", "/models/%2e%2e/x"] {
            assert!(hub.url(path).is_err(), "{path}");
        }
    }

    #[test]
    fn a_token_goes_over_plain_http_to_local_addresses_only() {
        let with_token = |endpoint: &str| {
            HubHttp::new(endpoint.parse().unwrap(), Some(Token::new("hf_never_to_be_seen", "HF_TOKEN").unwrap()))
        };
        for address in ["http://8.8.8.8/hub", "http://[2606:4700::1]"] {
            let error = with_token(address).err().unwrap().to_string();
            assert!(error.contains("use https") && !error.contains("never"), "{error}");
            assert!(client(address).is_ok(), "without a token");
        }
        for address in ["http://192.168.1.5:8080", "http://hub.lan", "https://8.8.8.8"] {
            assert!(with_token(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn names_are_escaped_and_addresses_with_credentials_are_refused() {
        assert_eq!(escape("a b/ü?#.bin"), "a%20b/%C3%BC%3F%23.bin");
        for address in ["https://user@hub.example", "https://hub.example/?token=x", "ftp://hub.example"] {
            let error = client(address).err().unwrap().to_string();
            assert!(!error.contains("token=x"), "{error}");
        }
    }
}
