//! The bytes of profile `kinitro-v1`: what is sent, and the bounded reading of what comes back.

mod answer;
mod encoding;
mod health;
mod images;
mod msgpack;
mod observation;
mod task_config;

pub use answer::decode_action;
pub use encoding::WireEncoding;
pub use health::{Health, offered_encoding};
pub use observation::{decode_observation, encode_action, encode_observation};
pub use task_config::{ResetAnswer, ResetRequest, TaskConfig};

/// Most bytes of an answer's body that are read; then the connection is cut.
pub const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Header with the episode's opaque id, the same for all of its calls.
pub const EPISODE_HEADER: &str = "x-kinitro-episode";
/// Header with the number of the step, from 0.
pub const STEP_HEADER: &str = "x-kinitro-step";
