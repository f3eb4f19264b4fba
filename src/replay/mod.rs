//! The loop of an episode fed from its transcript, and what verifying a whole cycle means.
//!
//! [`replay`] runs one transcript again and names the first difference. The `check_*` functions are the levels of a
//! verification, pure over a manifest and its transcripts; `service::verifier` fetches, spreads them over all cores and times them.

mod against;
mod checks;
mod cycle;
mod difference;
mod ending;
mod heavy;
mod pictures;
mod play;
mod playback;
mod report;
mod sample;
mod submissions;
mod unsupported;

pub use against::{Side, compare};
pub use checks::{
    ChainFacts, check_beacon, check_manifest, check_replay, check_scores, check_seed, episode_name, open_episode,
    open_transcript, transcript_name,
};
pub use cycle::{CycleManifest, SignedCycle, TranscriptSource, scores_of};
pub use difference::Difference;
pub use pictures::{DrawnElsewhere, Drivers};
pub use play::{LevelReports, ReplayOptions, ReplayReport, replay, replay_levels};
pub use playback::{Playback, PlaybackError};
pub use report::{Answer, Finding, Level, LevelReport, Report};
pub use sample::Sample;
pub use submissions::ClaimsOnChain;
pub use unsupported::Unsupported;
