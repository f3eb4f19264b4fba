//! One request and its answer, under a total deadline and a running cap.

use std::error::Error;
use std::io;

use reqwest::header::{CONTENT_TYPE, DATE, HeaderValue};
use reqwest::{RequestBuilder, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::guard::AddressRefused;
use super::wire::{MAX_ANSWER_BYTES, WireEncoding};

/// A complete answer within the cap.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// The encoding that its `Content-Type` names, if one of ours.
    pub(super) encoding: Option<WireEncoding>,
    /// Its `Date`, as it stands there.
    pub(super) date: Option<HeaderValue>,
    pub(super) body: Vec<u8>,
}

/// Why there is no complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallError {
    /// The deadline passed.
    Timeout,
    /// No connection could be made.
    Unreachable,
    /// The name leads to an address that may not be called.
    AddressRefused,
    /// The connection broke or spoke no HTTP.
    Disconnected,
    /// The body is larger than [`MAX_ANSWER_BYTES`].
    TooLarge,
    /// Our own machine is out of sockets, memory or network.
    Ours,
}

/// Sends `request` and reads the answer's body, all of it before `deadline`. However the bytes trickle, this returns
/// at the deadline; however many come, at most [`MAX_ANSWER_BYTES`] and one network buffer are held, and the
/// connection is dropped. `received` counts the body's bytes, also of an answer that is not completed.
pub(super) async fn call(request: RequestBuilder, deadline: Instant, received: &mut u32) -> Result<Answer, CallError> {
    let exchange = async {
        let mut response = request.send().await.map_err(|error| classify(&error))?;
        let status = response.status();
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let encoding = content_type.and_then(WireEncoding::of_media_type);
        let date = response.headers().get(DATE).cloned();
        let announced = response.content_length().unwrap_or(0);
        if announced > MAX_ANSWER_BYTES as u64 {
            return Err(CallError::TooLarge);
        }
        let mut body = Vec::with_capacity(announced as usize);
        while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
            *received = received.saturating_add(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(CallError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, encoding, date, body })
    };
    timeout_at(deadline, exchange).await.unwrap_or(Err(CallError::Timeout))
}

/// Error numbers of Linux that speak of our own machine: EAGAIN of a full backlog aside, no peer can cause them.
const OUR_ERRORS: [i32; 6] = [
    12,  // ENOMEM
    23,  // ENFILE: the machine's table of open files is full
    24,  // EMFILE: our own
    99,  // EADDRNOTAVAIL: no local port is left
    100, // ENETDOWN
    105, // ENOBUFS
];

fn classify(error: &reqwest::Error) -> CallError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if current.is::<AddressRefused>() {
            return CallError::AddressRefused;
        }
        let os_error = current.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if os_error.is_some_and(|number| OUR_ERRORS.contains(&number)) {
            return CallError::Ours;
        }
        cause = current.source();
    }
    if error.is_timeout() && !error.is_connect() {
        CallError::Timeout
    } else if error.is_connect() {
        CallError::Unreachable
    } else {
        CallError::Disconnected
    }
}
