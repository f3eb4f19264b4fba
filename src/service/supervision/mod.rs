//! How a process of ours is supervised: each part gives signs of life and says what it does, and a service manager is told.
//!
//! What a service manager is told is systemd's protocol (`man sd_notify`): that the process is ready, what it does, that it is
//! alive, that it stops. Without NOTIFY_SOCKET nobody is told anything.

mod notifier;
mod pulse;

pub use notifier::notify_until_stopped;
pub use pulse::Pulse;
