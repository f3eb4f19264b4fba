//! Admission of repositories: read from a model hub on loopback that speaks the documented API, and judged.

#[path = "../support/loopback.rs"]
#[allow(dead_code, reason = "other tests post to it")]
mod loopback;

mod chain;
mod command;
mod fake_hub;
mod reading;
