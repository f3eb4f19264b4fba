//! The steps of one episode.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use tokio::time::Instant;

use super::allowance::Allowance;
use super::begin::Line;
use super::budget::Slots;
use super::exchange::{Answer, CallError, call};
use super::wire::{STEP_HEADER, WireEncoding, decode_action, encode_observation};
use crate::domain::{Encoding, Fault, FaultReason, Limits, MissReason, PolicyObservation, PolicyReply};

/// An episode that a policy has accepted. Holds its connection and its slots until dropped.
pub struct PolicySession {
    http: reqwest::Client,
    act_url: Url,
    headers: HeaderMap,
    encoding: WireEncoding,
    act_timeout: Duration,
    allowance: Allowance,
    _slots: Slots,
}

impl PolicySession {
    pub(super) fn new(line: Line, encoding: WireEncoding, limits: &Limits, slots: Slots) -> PolicySession {
        let mut headers = line.headers;
        let media_type = HeaderValue::from_static(encoding.media_type());
        headers.insert(CONTENT_TYPE, media_type.clone());
        headers.insert(ACCEPT, media_type);
        PolicySession {
            http: line.http,
            act_url: line.endpoint.url("/act"),
            headers,
            encoding,
            act_timeout: Duration::from_millis(limits.act_timeout_ms.into()),
            allowance: Allowance::whole(Duration::from_millis(limits.episode_timeout_ms.into())),
            _slots: slots,
        }
    }

    /// The encoding of observations and actions.
    pub fn encoding(&self) -> Encoding {
        self.encoding.into()
    }

    /// Asks for the action of `step`. Returns within the contest's act deadline; a late, broken or malformed
    /// answer is a reply with its [`MissReason`].
    ///
    /// # Errors
    /// A [`Fault`] that ends the episode here: its time is up, the policy's name now leads to an address that may not
    /// be called, or our own machine cannot make connections.
    pub async fn act(&mut self, step: u32, observation: &PolicyObservation) -> Result<PolicyReply, Fault> {
        let mut headers = self.headers.clone();
        headers.insert(STEP_HEADER, HeaderValue::from(step));
        // Our own work: the policy's time begins behind it.
        let body = encode_observation(self.encoding, observation);
        let started = Instant::now();
        let Some(deadline) = self.allowance.deadline(started, self.act_timeout) else {
            return Err(Fault::new(FaultReason::EpisodeTimeout));
        };
        let request = self.http.post(self.act_url.clone()).headers(headers).body(body);
        let mut bytes = 0;
        let outcome = call(request, deadline, &mut bytes).await;
        let answered = Instant::now();
        self.allowance.spend(started, answered);
        let latency_us = u32::try_from((answered - started).as_micros()).unwrap_or(u32::MAX);
        let answer = match outcome {
            Ok(answer) => self.read(&answer),
            Err(CallError::Timeout) => Err(MissReason::Timeout),
            Err(CallError::Unreachable | CallError::Disconnected) => Err(MissReason::Disconnected),
            Err(CallError::TooLarge) => Err(MissReason::TooLarge),
            Err(CallError::AddressRefused) => return Err(Fault::new(FaultReason::EndpointRefused)),
            Err(CallError::Ours) => return Err(Fault::new(FaultReason::PlatformOutage)),
        };
        Ok(PolicyReply { answer, latency_us, bytes })
    }

    /// A server that was asked in msgpack may still answer in JSON, as its content type says.
    fn read(&self, answer: &Answer) -> Result<[f64; 4], MissReason> {
        if answer.status != StatusCode::OK {
            return Err(MissReason::HttpStatus);
        }
        let encoding = answer.encoding.unwrap_or(self.encoding);
        decode_action(encoding, &answer.body).ok_or(MissReason::Malformed)
    }
}
