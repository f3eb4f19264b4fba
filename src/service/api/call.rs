//! One request as a handler sees it, and the leaf that turns whatever happens into an answer.
//!
//! A route matches the path alone. From there on nothing is rejected in warp's sense: warp would go on to the next
//! route and answer with that one's refusal.

use std::future::Future;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderMap, Method};
use serde::de::DeserializeOwned;
use warp::Filter;
use warp::reply::Response;

use super::error::ApiError;
use super::reply::Answer;

/// Largest JSON body: a thousand results take a third of it.
pub(super) const MAX_JSON_BYTES: usize = 1 << 20;
/// Time in which a whole body must have come. 16 MiB in 30 s is half a megabyte a second.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of an unwanted body that are read and dropped: twice the largest body that is ever wanted.
const MAX_DROPPED_BYTES: usize = 32 << 20;
/// Longest time for that.
const DROP_TIMEOUT: Duration = Duration::from_secs(5);

/// A request whose path has been matched.
pub(super) struct Call {
    /// GET, POST …
    pub(super) method: Method,
    /// What stands behind the `?`, still encoded.
    pub(super) query: String,
    /// Its headers.
    pub(super) headers: HeaderMap,
    body: Body,
}

/// The body of a request. What nobody has read of it is read and dropped, within bounds, while the answer is under
/// way: a connection that is closed with unread bytes is reset, and the answer, which says why, is lost with it.
struct Body(Option<BoxStream<'static, Result<Bytes, ()>>>);

impl Body {
    async fn next(&mut self) -> Option<Result<Bytes, ()>> {
        let chunk = self.0.as_mut()?.next().await;
        if !matches!(chunk, Some(Ok(_))) {
            self.0 = None;
        }
        chunk
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let (Some(mut rest), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) else { return };
        runtime.spawn(tokio::time::timeout(DROP_TIMEOUT, async move {
            let mut dropped = 0;
            while let Some(Ok(chunk)) = rest.next().await {
                dropped += chunk.len();
                if dropped > MAX_DROPPED_BYTES {
                    break;
                }
            }
        }));
    }
}

impl Call {
    /// Refuses every method but `allowed`; HEAD goes with GET, and hyper sends no body for it.
    pub(super) fn takes(&self, allowed: &'static str) -> Result<(), ApiError> {
        let fits = self.method.as_str() == allowed || (allowed == "GET" && self.method == Method::HEAD);
        if fits { Ok(()) } else { Err(ApiError::MethodNotAllowed { allowed }) }
    }

    /// The whole body, at most `cap_bytes` of it.
    pub(super) async fn bytes(self, cap_bytes: usize) -> Result<Bytes, ApiError> {
        let too_large = || ApiError::TooLarge { cap_bytes };
        let announced = self.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > cap_bytes) {
            return Err(too_large());
        }
        let mut chunks = self.body;
        let reading = async move {
            let mut body = BytesMut::new();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(|()| ApiError::Malformed("the body broke off".into()))?;
                if body.len() + chunk.len() > cap_bytes {
                    return Err(too_large());
                }
                body.extend_from_slice(&chunk);
            }
            Ok(body.freeze())
        };
        tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or(Err(ApiError::BodyTimeout))
    }

    /// The body as JSON.
    pub(super) async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let content_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::NotJson);
        }
        let body = self.bytes(MAX_JSON_BYTES).await?;
        from_json(&body)
    }
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // First whether it is JSON at all: a wrong value before a broken end must not hide the broken end.
    serde_json::from_slice::<serde::de::IgnoredAny>(body)
        .map_err(|error| ApiError::Malformed(format!("the body is not JSON: {error}")))?;
    let mut reader = serde_json::Deserializer::from_slice(body);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".into() } else { path };
        ApiError::Invalid { field, detail: error.into_inner().to_string() }
    })
}

/// Everything about a request but its path. Never rejects.
pub(super) fn call() -> impl Filter<Extract = (Call,), Error = warp::Rejection> + Clone + Send + Sync + 'static {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method().and(query).and(warp::header::headers_cloned()).and(warp::body::stream()).map(
        |method, query, headers: HeaderMap, body| {
            let has_body = headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
            let body = Body(has_body.then(|| chunks(body).boxed()));
            Call { method, query, headers, body }
        },
    )
}

fn chunks<S, B>(body: S) -> impl Stream<Item = Result<Bytes, ()>> + Send + 'static
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf,
{
    body.map(|chunk| chunk.map(|mut buffer| buffer.copy_to_bytes(buffer.remaining())).map_err(|_| ()))
}

/// Runs a handler; whatever it answers is the answer. `route` names it in the metrics.
pub(super) async fn finish(route: &'static str, handling: impl Future<Output = Answer>) -> Response {
    let started = std::time::Instant::now();
    let response = handling.await.unwrap_or_else(ApiError::into_response);
    let status = response.status().as_u16().to_string();
    metrics::counter!("kinitro_http_requests_total", "route" => route, "status" => status).increment(1);
    metrics::histogram!("kinitro_http_request_seconds", "route" => route).record(started.elapsed().as_secs_f64());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Body {
        #[allow(dead_code, reason = "only whether it can be read is of interest")]
        executor_id: crate::domain::ExecutorId,
    }

    #[test]
    fn a_wrong_value_names_its_field_and_broken_json_does_not() {
        let refusal = |text: &str| from_json::<Body>(text.as_bytes()).unwrap_err();
        assert!(
            matches!(refusal(r#"{"executor_id":"a b"}"#), ApiError::Invalid { field, .. } if field == "executor_id")
        );
        assert!(matches!(refusal(r#"{"executor_id""#), ApiError::Malformed(_)));
        assert!(matches!(refusal(r#"{"executor_id":"a"} x"#), ApiError::Malformed(_)));
    }
}
