//! From a cycle's final episodes to its signed manifest.

use crate::beacon::{Beacon, OperatorKey};
use crate::domain::{BlockHash, Digest, FaultReason, Netuid};
use crate::replay::{SignedCycle, scores_of};
use crate::score::ScoreError;
use crate::store::{self, BlobStore, EpisodeState, OpenCycle, Publication, ScoreRow, Submission, WeightRow};
use crate::transcript::{
    EpisodeRow, MANIFEST_FORMAT, MANIFEST_VERSION, Manifest, ManifestError, SignedManifest, SubmissionRow, Transcript,
    Verdict, episodes_tree,
};

/// Why a cycle whose episodes are final cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stored rows contradict each other.
    #[error("the cycle cannot be scored: {0}")]
    Score(#[from] ScoreError),
    /// The manifest would not hold.
    #[error("the manifest would not hold: {0}")]
    Manifest(#[from] ManifestError),
    /// The stored secret is not a beacon.
    #[error("the cycle's stored beacon cannot be read: {0}")]
    Secret(String),
    /// A transcript that the store names is not there or damaged.
    #[error("transcript {digest}: {cause}; restore it from a backup, or give the cycle up")]
    Transcript {
        /// Which.
        digest: Digest,
        /// What is wrong with it.
        cause: String,
    },
}

/// What a manifest says beside the cycle's own data.
pub struct Publisher<'a> {
    /// The chain's name.
    pub network: String,
    /// Its identity.
    pub genesis: BlockHash,
    /// The subnet.
    pub netuid: Netuid,
    /// Who signs.
    pub key: &'a OperatorKey,
    /// Where transcripts are.
    pub blobs: &'a BlobStore,
}

impl Publisher<'_> {
    /// Scores a cycle and makes its manifest and everything that is published with it.
    ///
    /// `episodes` are the cycle's final rows without the probe's.
    ///
    /// # Errors
    /// [`PublishError`].
    pub fn publication(
        &self,
        cycle: &OpenCycle,
        episodes: &[store::EpisodeRow],
        previous: Digest,
    ) -> Result<Publication, PublishError> {
        let beacon: Beacon =
            serde_json::from_slice(&cycle.secret.0).map_err(|error| PublishError::Secret(error.to_string()))?;
        let submissions = submission_rows(&cycle.submissions);
        let mut rows = episodes.iter().map(|row| self.manifest_row(row)).collect::<Result<Vec<_>, _>>()?;
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        let scores = scores_of(&cycle.contest, &submissions, &rows)?;
        let manifest = Manifest {
            format: MANIFEST_FORMAT.to_owned(),
            version: MANIFEST_VERSION,
            network: self.network.clone(),
            genesis: self.genesis,
            netuid: self.netuid,
            cycle: cycle.cycle.id,
            anchor: cycle.anchor,
            beacon,
            contest: cycle.contest.clone(),
            contest_digest: cycle.contest.digest(),
            engine: cycle.fingerprint.clone(),
            engine_digest: cycle.fingerprint.digest(),
            submissions,
            episodes_root: episodes_tree(&rows).root(),
            episodes: rows,
            scores,
            previous,
            operator: self.key.hotkey(),
        };
        let signed = SignedManifest::sign(manifest, self.key)?;
        Ok(publication_of(&signed))
    }

    fn manifest_row(&self, row: &store::EpisodeRow) -> Result<EpisodeRow, PublishError> {
        let fault = row.fault;
        if row.state == EpisodeState::LeftOut {
            let fault = fault.unwrap_or(crate::domain::Fault::new(FaultReason::ExecutorLost));
            return Ok(EpisodeRow::unfinished(row.environment.clone(), row.index, row.uid, row.hotkey, fault));
        }
        if !row.total_reward.is_finite() {
            // Its rewards may be no numbers, which the database does not hold; the transcript does.
            return self.row_of_transcript(row);
        }
        Ok(EpisodeRow {
            environment: row.environment.clone(),
            index: row.index,
            uid: row.uid,
            hotkey: row.hotkey,
            transcript_id: row.transcript,
            replay_root: row.replay_root,
            outcome: row.outcome,
            fault,
            steps: row.steps,
            success: row.outcome == crate::domain::Outcome::Success,
            first_success_step: row.success_step,
            // Canonical JSON has no negative zero.
            reward: Some(if row.total_reward == 0.0 { 0.0 } else { row.total_reward }),
        })
    }

    fn row_of_transcript(&self, row: &store::EpisodeRow) -> Result<EpisodeRow, PublishError> {
        let digest = row.transcript.unwrap_or(Digest::ZERO);
        let wrong = |cause: String| PublishError::Transcript { digest, cause };
        let bytes = self.blobs.get(&digest).map_err(|error| wrong(error.to_string()))?;
        let bytes = bytes.ok_or_else(|| wrong("it is not in the transcripts folder".into()))?;
        let transcript = Transcript::from_bytes(&bytes).map_err(|error| wrong(error.to_string()))?;
        EpisodeRow::of(&transcript).ok_or_else(|| wrong("it belongs to no miner".into()))
    }
}

fn submission_rows(submissions: &[Submission]) -> Vec<SubmissionRow> {
    let mut rows: Vec<SubmissionRow> = submissions
        .iter()
        .map(|submission| SubmissionRow {
            uid: submission.uid,
            hotkey: submission.hotkey,
            claim: submission.claim.clone(),
            since: submission.since,
            verdict: Verdict::of_codes(submission.reasons.iter().map(|reason| reason.code.slug().to_owned()).collect()),
            weights: submission.weights,
        })
        .collect();
    rows.sort_by_key(|row| row.uid);
    rows
}

fn publication_of(signed: &SignedCycle) -> Publication {
    let manifest = &signed.manifest;
    let standing = &manifest.scores.standing;
    let u16_of = |uid| {
        let place = standing.weights_u16.uids.iter().position(|known| *known == uid);
        place.map_or(0, |place| standing.weights_u16.values[place])
    };
    let scores = manifest.scores.miners.iter().flat_map(|miner| {
        miner.environments.iter().map(|score| ScoreRow {
            uid: miner.uid,
            hotkey: miner.hotkey,
            environment: score.environment.clone(),
            success_rate: score.rate,
            rate_low: score.interval.low,
            rate_high: score.interval.high,
            mean_reward: score.mean_reward,
            counted: score.episodes,
            failed: score.failed,
            left_out: score.left_out,
        })
    });
    let weights = manifest.scores.miners.iter().filter_map(|miner| {
        let weight = *standing.weights.get(&miner.uid)?;
        let points = standing.points.get(&miner.uid).map(ToString::to_string).unwrap_or_default();
        Some(WeightRow { uid: miner.uid, hotkey: miner.hotkey, points, weight, weight_u16: u16_of(miner.uid) })
    });
    Publication {
        cycle: manifest.cycle,
        manifest: signed.to_json(),
        digest: signed.digest,
        previous: manifest.previous,
        scores: scores.collect(),
        weights: weights.collect(),
        no_weights: standing.reason.map(|reason| reason.sentence().to_owned()),
    }
}
