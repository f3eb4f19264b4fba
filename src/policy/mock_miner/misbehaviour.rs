//! The ways in which a mock miner breaks the protocol.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

/// How a server misbehaves on `/act` (or, where said so, on `/reset`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Answers after two seconds.
    Slow,
    /// Never answers.
    Stall,
    /// Sends one byte per second.
    Trickle,
    /// Sends bytes for ever.
    Endless,
    /// Sends a megabyte.
    Huge,
    /// Sends NaN.
    Nan,
    /// Sends JSON that is no action.
    Malformed,
    /// Sends bytes that are nothing.
    Garbage,
    /// Breaks the connection in the middle of the answer.
    Drop,
    /// Redirects to a metadata service.
    Redirect,
    /// Status 500.
    Error,
    /// Status 500 on one step in twenty, otherwise the expert.
    Flaky,
    /// The expert up to step 50, then broken connections.
    CrashMidway,
    /// `/reset` is refused with status 503.
    RefuseReset,
    /// `/reset` never answers.
    StallReset,
}

use Misbehaviour::*;

/// Four times the default deadline.
const SLOW_ANSWER: Duration = Duration::from_secs(2);
/// One in twenty is within what contests forgive (10 %).
const FLAKY_EVERY: u32 = 20;
/// The step from which [`CrashMidway`] is gone.
const CRASH_STEP: u32 = 50;
/// Longest that a stalled call is held; no client waits as long.
const STALLED: Duration = Duration::from_secs(3600);

impl Misbehaviour {
    /// Every way.
    pub const ALL: [Misbehaviour; 15] = [
        Slow,
        Stall,
        Trickle,
        Endless,
        Huge,
        Nan,
        Malformed,
        Garbage,
        Drop,
        Redirect,
        Error,
        Flaky,
        CrashMidway,
        RefuseReset,
        StallReset,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Slow => "slow",
            Stall => "stall",
            Trickle => "trickle",
            Endless => "endless",
            Huge => "huge",
            Nan => "nan",
            Malformed => "malformed",
            Garbage => "garbage",
            Drop => "drop",
            Redirect => "redirect",
            Error => "error",
            Flaky => "flaky",
            CrashMidway => "crash-midway",
            RefuseReset => "refuse-reset",
            StallReset => "stall-reset",
        }
    }

    /// One line about it for people.
    pub fn describe(self) -> &'static str {
        match self {
            Slow => "answers /act after 2 s",
            Stall => "never answers /act",
            Trickle => "answers /act with one byte per second",
            Endless => "answers /act with bytes for ever",
            Huge => "answers /act with a megabyte",
            Nan => "answers /act with NaN",
            Malformed => "answers /act with JSON that is no action",
            Garbage => "answers /act with bytes that are nothing",
            Drop => "breaks the connection in the middle of each answer to /act",
            Redirect => "redirects /act to a metadata address",
            Error => "answers /act with status 500",
            Flaky => "the expert, with status 500 on one step in twenty",
            CrashMidway => "the expert up to step 50, then broken connections",
            RefuseReset => "answers /reset with status 503",
            StallReset => "never answers /reset",
        }
    }

    /// Whether it plays well in between.
    pub(super) fn needs_expert(self) -> bool {
        matches!(self, Flaky | CrashMidway)
    }

    /// What it does about a reset, or `None` to answer it well.
    pub(super) async fn reset(self) -> Option<Response> {
        match self {
            RefuseReset => Some(status(StatusCode::SERVICE_UNAVAILABLE)),
            StallReset => Some(stall().await),
            _ => None,
        }
    }

    /// What it does about a step, or `None` to answer it well.
    pub(super) async fn act(self, step: u32) -> Option<Response> {
        let response = match self {
            Slow => {
                tokio::time::sleep(SLOW_ANSWER).await;
                return None;
            }
            Stall => stall().await,
            Trickle => endless(Bytes::from_static(b" "), Duration::from_secs(1)),
            Endless => endless(Bytes::from_static(&[b' '; 8192]), Duration::ZERO),
            Huge => json(vec![b' '; 1 << 20]),
            Nan => json(&b"{\"action\":[NaN,0.0,0.0,0.0]}"[..]),
            Malformed => json(&b"{\"action\":\"up\"}"[..]),
            Garbage => json(&b"\x00\xff\xfe\x1b[2J{{{{"[..]),
            Drop => broken_off(),
            Redirect => {
                let target = warp::http::Uri::from_static("http://169.254.169.254/latest/meta-data");
                warp::redirect::temporary(target).into_response()
            }
            Error => status(StatusCode::INTERNAL_SERVER_ERROR),
            Flaky if step % FLAKY_EVERY == FLAKY_EVERY - 1 => status(StatusCode::INTERNAL_SERVER_ERROR),
            CrashMidway if step >= CRASH_STEP => broken_off(),
            Flaky | CrashMidway | RefuseReset | StallReset => return None,
        };
        Some(response)
    }
}

fn status(code: StatusCode) -> Response {
    code.into_response()
}

fn json(body: impl Into<Bytes>) -> Response {
    warp::reply::with_header(body.into().to_vec(), "content-type", "application/json").into_response()
}

async fn stall() -> Response {
    tokio::time::sleep(STALLED).await;
    status(StatusCode::GATEWAY_TIMEOUT)
}

fn endless(part: Bytes, pause: Duration) -> Response {
    let parts = stream::unfold(part, move |part| async move {
        tokio::time::sleep(pause).await;
        Some((Ok::<_, Infallible>(part.clone()), part))
    });
    warp::reply::stream(parts).into_response()
}

/// A body that fails in its middle: the server closes the connection without finishing it.
fn broken_off() -> Response {
    let parts = [Ok(Bytes::from_static(b"{\"action\":[0.0,")), Err(io::Error::other("broken off"))];
    warp::reply::stream(stream::iter(parts)).into_response()
}
