//! A cycle's manifest with the scores of the `score` row in it.

use crate::domain::Contest;
use crate::score::{CycleScores, EpisodeResult, MinerEntry, ScoreError, score_cycle};
use crate::transcript::{EpisodeRow, Manifest, SignedManifest, SubmissionRow};

/// The summary of a cycle.
pub type CycleManifest = Manifest<CycleScores>;

/// The summary of a cycle under its operator's signature: what is published.
pub type SignedCycle = SignedManifest<CycleScores>;

/// Gives the bytes of a row's transcript, or a sentence why it could not.
pub type TranscriptSource<'a> = dyn Fn(&EpisodeRow) -> Result<Vec<u8>, String> + Sync + 'a;

/// The scores that follow from a manifest's rows. Whoever publishes a cycle computes them by this function, and whoever verifies
/// it does so again.
///
/// # Errors
/// [`ScoreError`] when rows contradict each other or the contest's settings mean nothing.
pub fn scores_of(
    contest: &Contest,
    submissions: &[SubmissionRow],
    episodes: &[EpisodeRow],
) -> Result<CycleScores, ScoreError> {
    let miners: Vec<MinerEntry> = submissions
        .iter()
        .filter(|row| row.is_admitted())
        .map(|row| MinerEntry { uid: row.uid, hotkey: row.hotkey, block: row.since.0 })
        .collect();
    let results: Vec<EpisodeResult> = episodes
        .iter()
        .map(|row| EpisodeResult {
            hotkey: row.hotkey,
            environment: row.environment.clone(),
            index: row.index,
            outcome: row.outcome,
            fault: row.fault,
            // Rewards are shown, never scored; that of a simulation that stopped being physics counts as nothing.
            reward: row.reward.unwrap_or(0.0),
        })
        .collect();
    score_cycle(contest, &miners, &results)
}
