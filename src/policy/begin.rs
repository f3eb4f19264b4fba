//! The beginning of an episode: `/health`, `/reset`, and the one retry.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use tokio::time::{Instant, sleep};

use super::budget::Slots;
use super::exchange::{Answer, CallError, call};
use super::guard::Endpoint;
use super::wire::{ResetAnswer, ResetRequest, TaskConfig, WireEncoding, offered_encoding};
use super::{EpisodeTicket, PolicySession};
use crate::domain::{Fault, FaultReason, Limits};

/// A policy's server and how it is spoken to in one episode.
pub(super) struct Line {
    pub(super) http: reqwest::Client,
    pub(super) endpoint: Endpoint,
    pub(super) headers: HeaderMap,
}

/// Tries to begin, pauses, tries once more. What the failed tries cost on the network is noted in the miner's budget.
pub(super) async fn begin(
    line: Line,
    limits: &Limits,
    ticket: &EpisodeTicket,
    slots: Slots,
) -> Result<PolicySession, Fault> {
    let reset = reset_body(ticket);
    let mut encoding = None;
    let started = Instant::now();
    let Err(first) = attempt(&line, limits, &reset, &mut encoding).await else {
        return Ok(PolicySession::new(line, encoding.unwrap_or_default(), limits, slots));
    };
    if first.reason == FaultReason::EndpointRefused {
        // Asking again is how a name that changes its mind would get in.
        return Err(first);
    }
    let first_try = started.elapsed();
    sleep(Duration::from_millis(limits.reset_retry_pause_ms.into())).await;
    let restarted = Instant::now();
    match attempt(&line, limits, &reset, &mut encoding).await {
        Ok(()) => Ok(PolicySession::new(line, encoding.unwrap_or_default(), limits, slots)),
        Err(fault) => {
            slots.note_failure(first_try + restarted.elapsed(), fault);
            Err(fault)
        }
    }
}

/// Whether `/reset` is answered by asking for a credential, or for another one.
pub(super) async fn is_unauthorised(line: &Line, limits: &Limits, ticket: &EpisodeTicket) -> bool {
    let request = line.http.post(line.endpoint.url("/reset")).headers(line.headers.clone());
    let request = request.header(CONTENT_TYPE, WireEncoding::Json.media_type()).body(reset_body(ticket));
    let answer = call(request, deadline(limits), &mut 0).await;
    answer.is_ok_and(|answer| matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
}

/// The body of `/reset`.
pub(super) fn reset_body(ticket: &EpisodeTicket) -> Vec<u8> {
    let config = TaskConfig::new(ticket.env_id.clone(), ticket.policy_seed, ticket.task_id);
    serde_json::to_vec(&ResetRequest { task_config: config }).expect("plain data always serialises")
}

/// `/health`, unless an earlier try got through to the server, and `/reset`.
pub(super) async fn attempt(
    line: &Line,
    limits: &Limits,
    reset: &[u8],
    encoding: &mut Option<WireEncoding>,
) -> Result<(), Fault> {
    if encoding.is_none() {
        *encoding = Some(health(line, limits).await?);
    }
    let request = line.http.post(line.endpoint.url("/reset")).headers(line.headers.clone());
    let request = request.header(CONTENT_TYPE, WireEncoding::Json.media_type()).body(reset.to_vec());
    let answer = call(request, deadline(limits), &mut 0).await.map_err(|error| Fault::new(reason(error)))?;
    if accepted(&answer) { Ok(()) } else { Err(Fault::new(FaultReason::ResetFailed)) }
}

/// Asks which encodings the server knows. Only a server that cannot be reached at all ends the try here: one
/// that answers `/health` with an error, nonsense or nothing may still be an old server that works.
async fn health(line: &Line, limits: &Limits) -> Result<WireEncoding, Fault> {
    let request = line.http.get(line.endpoint.url("/health")).headers(line.headers.clone());
    let request = request.header(ACCEPT, WireEncoding::Json.media_type());
    match call(request, deadline(limits), &mut 0).await {
        Ok(answer) if answer.status == StatusCode::OK => Ok(offered_encoding(&answer.body)),
        Err(error @ (CallError::Unreachable | CallError::AddressRefused | CallError::Ours)) => {
            Err(Fault::new(reason(error)))
        }
        Ok(_) | Err(CallError::Timeout | CallError::Disconnected | CallError::TooLarge) => Ok(WireEncoding::Json),
    }
}

/// Whether a server answers `/health`, whatever it says.
pub(super) async fn reaches(http: &reqwest::Client, endpoint: &Endpoint, limits: &Limits) -> bool {
    let request = http.get(endpoint.url("/health")).header(ACCEPT, WireEncoding::Json.media_type());
    matches!(call(request, deadline(limits), &mut 0).await, Ok(_) | Err(CallError::TooLarge))
}

fn accepted(answer: &Answer) -> bool {
    let parsed = serde_json::from_slice::<ResetAnswer>(&answer.body);
    answer.status == StatusCode::OK && parsed.is_ok_and(|parsed| parsed.status == "ok")
}

pub(super) fn deadline(limits: &Limits) -> Instant {
    Instant::now() + Duration::from_millis(limits.reset_timeout_ms.into())
}

pub(super) fn reason(error: CallError) -> FaultReason {
    match error {
        CallError::Timeout => FaultReason::ResetTimeout,
        CallError::Unreachable => FaultReason::Unreachable,
        CallError::AddressRefused => FaultReason::EndpointRefused,
        CallError::Disconnected | CallError::TooLarge => FaultReason::ResetFailed,
        CallError::Ours => FaultReason::PlatformOutage,
    }
}
