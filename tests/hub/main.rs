//! The client of the model hub and of deployment platforms, against servers on loopback that misbehave.

#[path = "../support/loopback.rs"]
mod loopback;

mod client;
