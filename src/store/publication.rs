//! What a finished cycle publishes, and the views on it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Cycle;
use crate::domain::{BlockNumber, CycleId, Digest, EnvId, Hotkey, Uid};

/// One miner in one environment, aggregated.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreRow {
    /// Where the miner sat at the anchor.
    pub uid: Uid,
    /// The miner.
    pub hotkey: Hotkey,
    /// The environment.
    pub environment: EnvId,
    /// Successes over counted episodes.
    pub success_rate: f64,
    /// Lower end of the 95 % Wilson interval of the rate.
    pub rate_low: f64,
    /// Upper end of the 95 % Wilson interval of the rate.
    pub rate_high: f64,
    /// Mean total reward of the counted episodes.
    pub mean_reward: f64,
    /// Counted episodes.
    pub counted: u32,
    /// Of these, broken off by the miner's fault.
    pub failed: u32,
    /// Episodes left out because the platform failed.
    pub left_out: u32,
}

/// One miner's pay.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightRow {
    /// Where the miner sat at the anchor.
    pub uid: Uid,
    /// The miner.
    pub hotkey: Hotkey,
    /// Points, as decimal text: they may be larger than 2^64.
    pub points: String,
    /// Share of the pay, 0 to 1.
    pub weight: f64,
    /// `trunc(weight · 65535)`.
    pub weight_u16: u16,
}

/// All that becomes public at the end of a cycle, written in one transaction.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The cycle.
    pub cycle: CycleId,
    /// The signed manifest as canonical JSON, byte for byte.
    pub manifest: Vec<u8>,
    /// The manifest's digest.
    pub digest: Digest,
    /// Digest of the manifest before it; must be the newest published one, [`Digest::ZERO`] for the first.
    pub previous: Digest,
    /// Scores of every admitted miner in every environment.
    pub scores: Vec<ScoreRow>,
    /// Weights; may be empty, then `no_weights` says why.
    pub weights: Vec<WeightRow>,
    /// Why there are no weights.
    pub no_weights: Option<String>,
}

/// Which weights to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WeightsAt {
    /// Those of the newest completed cycle.
    Latest,
    /// Those of the cycle anchored at this block.
    Block(BlockNumber),
}

/// The weights of one cycle.
#[derive(Debug, Clone)]
pub struct WeightsView {
    /// The cycle.
    pub cycle: Cycle,
    /// When they were published.
    pub published_at: Timestamp,
    /// Digest of the manifest that derives them.
    pub manifest_digest: Digest,
    /// By uid.
    pub weights: Vec<WeightRow>,
    /// Why there are none.
    pub no_weights: Option<String>,
}

/// The scores of one cycle.
#[derive(Debug, Clone)]
pub struct ScoresView {
    /// The cycle.
    pub cycle: Cycle,
    /// By uid, then environment.
    pub scores: Vec<ScoreRow>,
}

/// One miner over all completed cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct MinerSummary {
    /// Its uid in the newest cycle it was scored in.
    pub uid: Uid,
    /// The miner.
    pub hotkey: Hotkey,
    /// Anchor of that cycle.
    pub last_evaluated_block: BlockNumber,
    /// Mean of its rates in that cycle.
    pub avg_success_rate: f64,
    /// Environments of that cycle.
    pub environments: Vec<EnvId>,
}

/// One environment over all completed cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentSummary {
    /// The environment.
    pub environment: EnvId,
    /// Counted episodes.
    pub n_evaluations: u64,
    /// Mean of all miners' rates, each weighted by its counted episodes.
    pub avg_success_rate: Option<f64>,
}

/// Totals for the status page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Cycles of any status.
    pub cycles: u64,
    /// Different hotkeys with a published score.
    pub miners_evaluated: u64,
}

/// Row counts and file size, for `db status`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scale {
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// Bytes of the database.
    pub bytes: u64,
    /// Version of the schema.
    pub schema_version: u32,
}
