//! A miner's server of our own: real HTTP, policies good and bad by name.
//!
//! It sees only what the protocol carries. Where the beacon is public, an expert finds its episode's seed and keeps
//! its own copy of the world, so each of its answers also tests that two simulators agree to the bit.

mod accept;
mod brain;
mod episodes;
mod expert;
mod locator;
mod misbehaviour;
mod own_world;
mod policies;
mod seeds;
mod server;

pub use accept::{Routes, accept_connections, bind};
pub use brain::{Brain, BrainError, Policy};
pub use expert::Expert;
pub use locator::EpisodeLocator;
pub use misbehaviour::Misbehaviour;
pub use policies::{MockMiner, MockOptions, MockPolicy};
pub use seeds::{KnownWorld, RegisteredSeeds, SeedSource};
pub use server::serve;
