//! The model hub and the deployment platforms, against servers on loopback that speak their documented API and misbehave.

#[path = "../support/loopback.rs"]
mod loopback;
#[path = "../support/model_hub.rs"]
mod model_hub;

mod client;
mod platform;
mod platform_faults;
mod upload;
