//! One line of a manifest per episode: what the published scores rest on.

use serde::{Deserialize, Serialize};

use super::Transcript;
use crate::domain::{Digest, EnvId, Fault, Hotkey, Outcome, Uid};

/// An episode as its cycle's manifest names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeRow {
    /// Where.
    pub environment: EnvId,
    /// Which episode of the environment, from 0.
    pub index: u32,
    /// Where the miner sat at the anchor block.
    pub uid: Uid,
    /// Whose policy.
    pub hotkey: Hotkey,
    /// Names the transcript; none only when the platform or chain failed before there was one.
    pub transcript_id: Option<Digest>,
    /// What a replay must reproduce; present exactly with `transcript_id`.
    pub replay_root: Option<Digest>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was broken off, if it was.
    pub fault: Option<Fault>,
    /// Number of steps.
    pub steps: u32,
    /// Whether the episode is a success.
    pub success: bool,
    /// The first step, from 1, at which the success test held.
    pub first_success_step: Option<u32>,
    /// Sum of the rewards; none when it is not a finite number, as after an unstable simulation.
    pub reward: Option<f64>,
}

impl EpisodeRow {
    /// The row of a finished transcript; `None` when it belongs to no miner.
    pub fn of(transcript: &Transcript) -> Option<EpisodeRow> {
        let miner = transcript.header.miner.as_ref()?;
        let footer = &transcript.footer;
        Some(EpisodeRow {
            environment: transcript.header.environment.clone(),
            index: transcript.header.index,
            uid: miner.uid,
            hotkey: miner.hotkey,
            transcript_id: Some(transcript.id()),
            replay_root: Some(footer.replay_root),
            outcome: footer.outcome,
            fault: footer.fault,
            steps: footer.steps,
            success: footer.outcome == Outcome::Success,
            first_success_step: footer.first_success_step,
            reward: published_reward(footer.total_reward),
        })
    }

    /// The row of an episode that the platform or chain never finished, so that it counts for nobody.
    pub fn unfinished(environment: EnvId, index: u32, uid: Uid, hotkey: Hotkey, fault: Fault) -> EpisodeRow {
        EpisodeRow {
            environment,
            index,
            uid,
            hotkey,
            transcript_id: None,
            replay_root: None,
            outcome: Outcome::Faulted,
            fault: Some(fault),
            steps: 0,
            success: false,
            first_success_step: None,
            reward: Some(0.0),
        }
    }

    /// The order of rows in a manifest: environment, index, uid.
    pub fn key(&self) -> (&EnvId, u32, Uid) {
        (&self.environment, self.index, self.uid)
    }
}

/// A total as it stands in JSON: no infinities or NaN, and no sign on a zero, which canonical JSON cannot hold.
fn published_reward(total: f64) -> Option<f64> {
    total.is_finite().then_some(if total == 0.0 { 0.0 } else { total })
}
