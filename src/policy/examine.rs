//! A close look at one policy server: the same calls as in an episode, in each encoding, with all that was seen.

use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use reqwest::header::ACCEPT;

use super::begin::{attempt, deadline, reason, reset_body};
use super::exchange::call;
use super::wire::{WireEncoding, encode_observation, offered_encoding};
use super::{Endpoint, EpisodeTicket, PolicyClient, PolicySession};
use crate::domain::{Encoding, Fault, FaultReason, Limits, PolicyObservation, PolicyReply};

/// What was seen of a policy server.
#[derive(Debug)]
pub struct Examination {
    /// The answer to `/health`.
    pub health: Result<HealthSeen, FaultReason>,
    /// A round of calls in each encoding that the server offers, JSON first.
    pub rounds: Vec<RoundSeen>,
}

/// An answer to `/health`.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthSeen {
    /// Its status.
    pub status: u16,
    /// From sending to the last byte, making the connection included.
    pub latency_us: u32,
    /// Length of its body in bytes.
    pub bytes: u32,
    /// Whether the body is JSON of the described form.
    pub readable: bool,
    /// `status` in the body.
    pub says: Option<String>,
    /// `model_loaded` in the body.
    pub model_loaded: Option<bool>,
    /// Whether msgpack is offered.
    pub offers_msgpack: bool,
    /// The server's clock less ours in seconds, from its header `Date`, which counts whole seconds.
    pub clock_ahead_s: Option<f64>,
}

/// `/reset` and some `/act` in one encoding, over one connection.
#[derive(Debug)]
pub struct RoundSeen {
    /// The encoding of `/act`.
    pub encoding: Encoding,
    /// How long `/reset` took in microseconds, or why it failed.
    pub reset: Result<u32, FaultReason>,
    /// Length of a request's body in bytes.
    pub sent_bytes: usize,
    /// The answers to `/act`.
    pub replies: Vec<PolicyReply>,
    /// What ended the round early.
    pub ended_by: Option<FaultReason>,
}

#[derive(Deserialize)]
struct HealthBody {
    status: Option<String>,
    model_loaded: Option<bool>,
}

impl PolicyClient {
    /// Calls `/health` once, and in each encoding `/reset` once and `/act` `acts` times with `observation`, one after the
    /// other, as an episode would.
    ///
    /// # Errors
    /// Only for failures of our own; what the server does wrong is in the result.
    pub async fn examine(
        &self,
        endpoint: &Endpoint,
        limits: &Limits,
        ticket: &EpisodeTicket,
        (observation, acts): (&PolicyObservation, u32),
    ) -> Result<Examination, Fault> {
        let health = self.see_health(endpoint, limits, ticket).await?;
        let mut rounds = Vec::new();
        let cannot_be_called = matches!(&health, Err(FaultReason::Unreachable | FaultReason::EndpointRefused));
        if !cannot_be_called {
            let has_msgpack = health.as_ref().is_ok_and(|health| health.offers_msgpack);
            let encodings = [Some(WireEncoding::Json), has_msgpack.then_some(WireEncoding::Msgpack)];
            for encoding in encodings.into_iter().flatten() {
                rounds.push(self.see_round(endpoint, limits, ticket, encoding, (observation, acts)).await?);
            }
        }
        Ok(Examination { health, rounds })
    }

    async fn see_health(
        &self,
        endpoint: &Endpoint,
        limits: &Limits,
        ticket: &EpisodeTicket,
    ) -> Result<Result<HealthSeen, FaultReason>, Fault> {
        let line = self.line(endpoint, limits, ticket)?;
        let request = line.http.get(line.endpoint.url("/health")).headers(line.headers.clone());
        let request = request.header(ACCEPT, WireEncoding::Json.media_type());
        let mut bytes = 0;
        let (asked, begun) = (Timestamp::now(), Instant::now());
        let answer = match call(request, deadline(limits), &mut bytes).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(reason(error))),
        };
        let latency_us = micros(begun);
        let date = answer.date.as_ref().and_then(|date| date.to_str().ok());
        let date = date.and_then(|date| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
        let now = asked.as_millisecond() + i64::from(latency_us / 2_000);
        let body = serde_json::from_slice::<HealthBody>(&answer.body).ok();
        Ok(Ok(HealthSeen {
            status: answer.status.as_u16(),
            latency_us,
            bytes,
            readable: body.is_some(),
            says: body.as_ref().and_then(|body| body.status.clone()),
            model_loaded: body.as_ref().and_then(|body| body.model_loaded),
            offers_msgpack: answer.status.is_success() && offered_encoding(&answer.body) == WireEncoding::Msgpack,
            clock_ahead_s: date.map(|date| (date.as_millisecond() - now) as f64 / 1_000.0),
        }))
    }

    async fn see_round(
        &self,
        endpoint: &Endpoint,
        limits: &Limits,
        ticket: &EpisodeTicket,
        encoding: WireEncoding,
        (observation, acts): (&PolicyObservation, u32),
    ) -> Result<RoundSeen, Fault> {
        let slots = self.slots(endpoint, ticket).await?;
        let line = self.line(endpoint, limits, ticket)?;
        let sent_bytes = encode_observation(encoding, observation).len();
        let begun = Instant::now();
        let reset = attempt(&line, limits, &reset_body(ticket), &mut Some(encoding)).await;
        let reset = reset.map(|()| micros(begun)).map_err(|fault| fault.reason);
        let mut seen = RoundSeen { encoding: encoding.into(), reset, sent_bytes, replies: Vec::new(), ended_by: None };
        if seen.reset.is_ok() {
            let mut session = PolicySession::new(line, encoding, limits, slots);
            for step in 0..acts {
                match session.act(step, observation).await {
                    Ok(reply) => seen.replies.push(reply),
                    Err(fault) => {
                        seen.ended_by = Some(fault.reason);
                        break;
                    }
                }
            }
        }
        Ok(seen)
    }
}

fn micros(begun: Instant) -> u32 {
    u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)
}
