//! The hostile world of the policy protocol: each attack is a server on loopback that really misbehaves so.

mod addresses;
mod answers;
mod bodies;
mod crowds;
mod opening;
mod sameness;
mod server;
mod slow;
