//! Cycles as they are opened, resumed and listed.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::admission::Reason;
use crate::domain::{
    BlockNumber, BlockRef, Claim, Contest, CycleId, EngineFingerprint, EnvId, EpisodeSeed, Hotkey, Uid, WeightsDigest,
};

/// Where a cycle stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleStatus {
    /// Its tasks exist, none was leased yet.
    Pending,
    /// At least one task was leased.
    Running,
    /// Its manifest is published.
    Completed,
    /// It was given up; nothing of it is published.
    Failed,
}

impl CycleStatus {
    /// The status as it stands in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            CycleStatus::Pending => "pending",
            CycleStatus::Running => "running",
            CycleStatus::Completed => "completed",
            CycleStatus::Failed => "failed",
        }
    }

    /// Whether tasks of the cycle may still be leased and finished.
    pub fn is_open(self) -> bool {
        matches!(self, CycleStatus::Pending | CycleStatus::Running)
    }
}

/// What only the operator may know until the cycle is published: the beacon with its output and proof, as the
/// scheduler serialised it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CycleSecret(pub Vec<u8>);

impl fmt::Debug for CycleSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CycleSecret(…)")
    }
}

/// One commitment after admission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The miner's identity.
    pub hotkey: Hotkey,
    /// Where it sat at the anchor block.
    pub uid: Uid,
    /// What it claims; absent when the commitment could not be read as a claim.
    pub claim: Option<Claim>,
    /// URL under which its policy is called; present when admitted.
    pub endpoint: Option<String>,
    /// Whether it takes part.
    pub admitted: bool,
    /// Reasons of a refusal; empty when admitted. Those of cycles from before reasons were kept whole have a code only.
    pub reasons: Vec<Reason>,
    /// The date by which of equal weights the first is told: the block of the claim, or of the same hotkey's oldest claim of
    /// the same weights.
    pub since: BlockNumber,
    /// Its tensors; none when they were not read.
    pub weights: Option<WeightsDigest>,
    /// Whether it keeps later claims of the same weights out, in later cycles too.
    pub holds: bool,
}

/// The operator's own known-good policy, run in each cycle to tell a broken platform from bad miners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The operator's hotkey; it must not be among the submissions.
    pub hotkey: Hotkey,
    /// URL of the policy.
    pub endpoint: String,
}

/// One rollout to be done. Its id follows from (cycle, kind, hotkey, environment, index).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    /// Whose policy: an admitted submission's hotkey, or the probe's.
    pub hotkey: Hotkey,
    /// The environment.
    pub environment: EnvId,
    /// Which episode of the environment, counted from 0.
    pub index: u32,
    /// The world's seed, equal for all miners.
    pub seed: EpisodeSeed,
}

/// A whole cycle, as it is opened in one transaction.
#[derive(Debug, Clone)]
pub struct NewCycle {
    /// Its number: [`crate::store::Store::next_cycle_id`].
    pub id: CycleId,
    /// The finalized block it is anchored at.
    pub anchor: BlockRef,
    /// The settings it runs under.
    pub contest: Contest,
    /// The engine that must run it.
    pub fingerprint: EngineFingerprint,
    /// The beacon, secret until publication.
    pub secret: CycleSecret,
    /// Every commitment at the anchor block, with its verdict.
    pub submissions: Vec<Submission>,
    /// The known-good probe, if one runs.
    pub probe: Option<Probe>,
    /// Every task, in the order in which they should be leased.
    pub tasks: Vec<NewTask>,
}

/// Whether `create_cycle` wrote anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// The cycle is new.
    New,
    /// The same cycle was there already; nothing was changed.
    AlreadyThere,
}

/// One cycle, without anything secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// Its number.
    pub id: CycleId,
    /// The block it is anchored at.
    pub block_number: BlockNumber,
    /// When it was opened.
    pub started_at: Timestamp,
    /// When it was published or given up.
    pub completed_at: Option<Timestamp>,
    /// Where it stands.
    pub status: CycleStatus,
    /// Admitted miners.
    pub n_miners: u32,
    /// Environments of its contest.
    pub n_environments: u32,
    /// Why it failed, for the operator.
    pub failure: Option<String>,
}

/// All that the scheduler needs to go on with a cycle after a restart. Holds the cycle's secret.
#[derive(Debug, Clone)]
pub struct OpenCycle {
    /// The cycle itself.
    pub cycle: Cycle,
    /// The finalized block it is anchored at.
    pub anchor: BlockRef,
    /// The settings it was opened with.
    pub contest: Contest,
    /// The engine it was opened with.
    pub fingerprint: EngineFingerprint,
    /// The beacon.
    pub secret: CycleSecret,
    /// Every commitment with its verdict, by hotkey; the probe is not among them.
    pub submissions: Vec<Submission>,
    /// The known-good probe.
    pub probe: Option<Probe>,
    /// Whether results are no longer accepted (see [`crate::store::Store::seal_cycle`]).
    pub sealed: bool,
}

/// How far a cycle's tasks are, probe tasks included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Waiting for an executor.
    pub pending: u64,
    /// With an executor.
    pub leased: u64,
    /// Ended with success or failure.
    pub completed: u64,
    /// Broken off by the miner's fault; final.
    pub failed: u64,
    /// Given up after the platform failed too often; the episode is left out for all miners.
    pub left_out: u64,
}

impl Progress {
    /// All tasks.
    pub fn total(&self) -> u64 {
        self.pending + self.leased + self.completed + self.failed + self.left_out
    }

    /// Whether no task will change any more.
    pub fn all_final(&self) -> bool {
        self.pending + self.leased == 0
    }
}
