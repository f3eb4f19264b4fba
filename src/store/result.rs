//! Results as executors hand them in.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{Attempt, Digest, ExecutorId, Fault, Outcome, TaskId};

/// The result of one attempt at a task.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeResult {
    /// The task.
    pub task: TaskId,
    /// Which try.
    pub attempt: Attempt,
    /// Who worked on it.
    pub executor: ExecutorId,
    /// How the episode ended.
    pub outcome: Outcome,
    /// Whose fault it was; present exactly when `outcome` is `Faulted`.
    pub fault: Option<Fault>,
    /// Digest that names the stored transcript; required unless the fault is the platform's or the chain's.
    pub transcript: Option<Digest>,
    /// The transcript's replay root.
    pub replay_root: Option<Digest>,
    /// Steps done.
    pub steps: u32,
    /// First successful step, counted from 1 as in the transcript.
    pub success_step: Option<u32>,
    /// Sum of the rewards; after an unstable simulation it may be no finite number.
    pub total_reward: f64,
    /// Free text of the executor for the operator, already made printable.
    pub note: Option<String>,
}

/// What became of a handed-in result. The same (task, attempt, transcript) is always answered the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitAnswer {
    /// It is stored.
    Accepted,
    /// It was stored before; counts as accepted and changed nothing.
    AlreadyAccepted,
    /// It is not stored and never will be.
    Rejected(Rejection),
}

impl SubmitAnswer {
    /// Whether the result is stored.
    pub fn is_accepted(self) -> bool {
        !matches!(self, SubmitAnswer::Rejected(_))
    }
}

/// Why a result was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// No such task.
    UnknownTask,
    /// The task was never leased with that attempt number.
    UnknownAttempt,
    /// That attempt was leased to another executor.
    ForeignAttempt,
    /// That attempt already has another result.
    DifferentResult,
    /// Another attempt has finished the task.
    AnotherAttemptFinished,
    /// The cycle takes no results any more.
    CycleClosed,
    /// A result that counts must name a transcript.
    NoTranscript,
    /// The transcript was not uploaded.
    UnknownTranscript,
    /// The transcript does not belong to the task.
    ForeignTranscript,
    /// The transcript's footer says something else than the result.
    ContradictsTranscript,
    /// Outcome, fault, success and score do not go together.
    Malformed,
}

impl Rejection {
    /// The slug as it stands in JSON.
    pub fn slug(self) -> &'static str {
        use Rejection::*;
        match self {
            UnknownTask => "unknown_task",
            UnknownAttempt => "unknown_attempt",
            ForeignAttempt => "foreign_attempt",
            DifferentResult => "different_result",
            AnotherAttemptFinished => "another_attempt_finished",
            CycleClosed => "cycle_closed",
            NoTranscript => "no_transcript",
            UnknownTranscript => "unknown_transcript",
            ForeignTranscript => "foreign_transcript",
            ContradictsTranscript => "contradicts_transcript",
            Malformed => "malformed",
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Rejection::*;
        f.write_str(match self {
            UnknownTask => "there is no such task",
            UnknownAttempt => "the task was never leased with this attempt number",
            ForeignAttempt => "this attempt was leased to another executor",
            DifferentResult => "this attempt already has another result",
            AnotherAttemptFinished => "another attempt has finished this task",
            CycleClosed => "the cycle takes no results any more",
            NoTranscript => "a result that counts must name its transcript",
            UnknownTranscript => "the transcript was not uploaded; PUT it first",
            ForeignTranscript => "the transcript belongs to another task",
            ContradictsTranscript => "the transcript says something else than the result",
            Malformed => "outcome, fault, success and score do not go together",
        })
    }
}
