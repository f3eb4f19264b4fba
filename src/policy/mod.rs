//! Talking to a miner's policy.
//!
//! [`PolicyClient::begin`] checks, resets and hands out a [`PolicySession`]; its `act` gets one action. Whatever the
//! other side does ends as a [`MissReason`](crate::domain::MissReason) of the step or a
//! [`Fault`](crate::domain::Fault) of the episode, within its deadline and within 64 KiB.

mod allowance;
mod begin;
mod budget;
mod client;
mod error;
mod examine;
mod exchange;
pub mod guard;
pub mod load;
pub mod mock_miner;
mod reference;
mod session;
pub mod wire;

pub use client::{ClientOptions, EpisodeTicket, PlatformCredential, PolicyClient};
pub use error::PolicyError;
pub use examine::{Examination, HealthSeen, RoundSeen};
pub use guard::{Endpoint, EndpointRefused};
pub use reference::ReferenceServer;
pub use session::PolicySession;

pub use crate::net::Secret;
