//! Episodes as rows: what the list endpoints show and what goes into a manifest.

use crate::domain::{CycleId, Digest, EnvId, Fault, Hotkey, Outcome, TaskId, Uid};

/// How an episode counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpisodeState {
    /// It ended by success, failure or the miner's fault: there is a transcript and it counts.
    Counted,
    /// The platform failed too often: left out for all miners.
    LeftOut,
}

/// One final episode.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeRow {
    /// Its task.
    pub task: TaskId,
    /// Its cycle.
    pub cycle: CycleId,
    /// The environment.
    pub environment: EnvId,
    /// Which episode of the environment.
    pub index: u32,
    /// Where the miner sat at the anchor.
    pub uid: Uid,
    /// The miner.
    pub hotkey: Hotkey,
    /// Whether it counts.
    pub state: EpisodeState,
    /// Digest that names the transcript; present when it counts.
    pub transcript: Option<Digest>,
    /// The transcript's replay root.
    pub replay_root: Option<Digest>,
    /// How it ended; of a left-out episode `Faulted`.
    pub outcome: Outcome,
    /// Whose fault it was.
    pub fault: Option<Fault>,
    /// Steps done.
    pub steps: u32,
    /// First successful step.
    pub success_step: Option<u32>,
    /// Sum of the rewards; NaN when it was no finite number (an unstable simulation): the transcript has its bits.
    pub total_reward: f64,
    /// Whether it is the operator's probe, which never counts in scores.
    pub probe: bool,
    /// Whether the cycle's manifest is published; before that no transcript may be served.
    pub published: bool,
}

/// Which episodes to list; absent fields do not restrict.
#[derive(Debug, Clone, Default)]
pub struct EpisodeFilter {
    /// Of this cycle.
    pub cycle: Option<CycleId>,
    /// Of the miner at this uid.
    pub uid: Option<Uid>,
    /// In this environment.
    pub environment: Option<EnvId>,
    /// With this outcome.
    pub outcome: Option<Outcome>,
    /// Of published cycles only.
    pub published: bool,
}

/// Which part of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// At most so many rows.
    pub limit: u32,
    /// Start behind this position, as the page before said; `None` is the beginning.
    pub after: Option<u64>,
}

/// A part of a list and where the next one begins.
#[derive(Debug, Clone)]
pub struct Paged<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Position for the next [`Page`]; `None` when this was the last.
    pub next: Option<u64>,
}

impl<T> Paged<T> {
    /// Cuts rows of which one more than `limit` was asked for, so that a further page is known to exist.
    pub(crate) fn cut(mut rows: Vec<T>, limit: u32, position: impl Fn(&T) -> u64) -> Paged<T> {
        let limit = limit as usize;
        let next = (rows.len() > limit).then(|| rows.get(limit.wrapping_sub(1)).map(&position)).flatten();
        rows.truncate(limit);
        Paged { rows, next }
    }
}
