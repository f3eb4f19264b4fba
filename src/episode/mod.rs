//! The loop of one episode: observe, act, step, record.
//!
//! [`Rollout`] is a plain state machine: it is handed one [`PolicyReply`](crate::domain::PolicyReply) after the other and hands out what the
//! policy may see next. It waits for nothing and reads no clock, so that the same replies always make the same
//! transcript; who fetches the replies, and how fast, is the caller's business.

mod rollout;
mod rules;

pub use rollout::{Opening, Rollout, Turn};
pub use rules::EpisodeRules;
