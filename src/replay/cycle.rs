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
        .filter_map(|row| {
            // The block of the claim itself: it stands on the chain, and whoever names another's server is not as old as its owner.
            let claim = row.claim.as_ref()?;
            Some(MinerEntry { uid: row.uid, hotkey: row.hotkey, block: claim.block.0 })
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{BlockNumber, Claim, Hotkey, Uid};
    use crate::transcript::Verdict;

    #[test]
    fn ties_go_by_the_block_of_the_claim_and_not_by_an_earlier_date_of_its_weights() {
        let claim = Claim {
            block: BlockNumber(465),
            repo: "a/b".into(),
            revision: "0".repeat(40),
            deployment: "https://another.example".into(),
        };
        let row = SubmissionRow {
            uid: Uid(1),
            hotkey: Hotkey([1; 32]),
            claim: Some(claim),
            since: BlockNumber(296),
            verdict: Verdict::Admitted,
            weights: None,
        };
        let scores = scores_of(&Contest::default(), &[row], &[]).unwrap();
        assert_eq!(scores.miners[0].block, 465);
    }
}
