//! The loop of an episode fed from its transcript, and the verification of whole cycles.

mod difference;
mod ending;
mod play;
mod unsupported;

pub use difference::Difference;
pub use play::{ReplayOptions, ReplayReport, replay};
pub use unsupported::Unsupported;
