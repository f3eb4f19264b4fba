//! What a policy sees and says, independent of how it travels.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Action, Image};

/// All that a policy is told at one step. Object positions, goal and task state never travel.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyObservation {
    /// Position of the hand (end effector) in metres, world frame.
    pub hand_m: [f64; 3],
    /// Opening of the fingers, 0 closed … 1 open.
    pub gripper: f64,
    /// What each camera shows, in the contest's order of cameras; none without cameras.
    pub images: Vec<Image>,
}

impl PolicyObservation {
    /// Takes what a policy may see out of a MetaWorld observation (its first four numbers); no pictures.
    pub fn of(observation: &[f64; 39]) -> PolicyObservation {
        let [x, y, z, gripper, ..] = *observation;
        PolicyObservation { hand_m: [x, y, z], gripper, images: Vec::new() }
    }

    /// The wire form `[x, y, z, gripper]`.
    pub fn values(&self) -> [f64; 4] {
        [self.hand_m[0], self.hand_m[1], self.hand_m[2], self.gripper]
    }
}

/// Why a step got no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissReason {
    /// No complete answer before the deadline.
    Timeout,
    /// The connection was refused or broke.
    Disconnected,
    /// The answer's status was not 200.
    HttpStatus,
    /// The answer was larger than its cap.
    TooLarge,
    /// The answer was no action: not JSON/msgpack, wrong shape, not four numbers, or not finite.
    Malformed,
}

impl MissReason {
    /// Every reason, in the order of their codes in transcripts.
    pub const ALL: [MissReason; 5] = [
        MissReason::Timeout,
        MissReason::Disconnected,
        MissReason::HttpStatus,
        MissReason::TooLarge,
        MissReason::Malformed,
    ];
}

impl fmt::Display for MissReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            MissReason::Timeout => "timeout",
            MissReason::Disconnected => "disconnected",
            MissReason::HttpStatus => "http_status",
            MissReason::TooLarge => "too_large",
            MissReason::Malformed => "malformed",
        })
    }
}

/// What came back for one observation, with its cost. Latency and size are notes: no replay depends on them.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyReply {
    /// The finite numbers the miner sent, in the profile's own convention, or why there are none.
    pub answer: Result<[f64; 4], MissReason>,
    /// From the start of sending to the last byte of the answer, in microseconds.
    pub latency_us: u32,
    /// Bytes of the answer's body.
    pub bytes: u32,
}

/// The convention in which a policy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyProfile {
    /// HTTP with `/health`, `/reset`, `/act`; gripper +1 opens.
    #[serde(rename = "kinitro-v1")]
    KinitroV1,
}

impl PolicyProfile {
    /// The profile's name.
    pub fn as_str(self) -> &'static str {
        match self {
            PolicyProfile::KinitroV1 => "kinitro-v1",
        }
    }

    /// From what the miner sent to what reaches physics: clipped, rounded to `f32`, and with MetaWorld's
    /// gripper sign (there +1 closes, here +1 opens). The only place that turns the sign. `None` if a
    /// number is not finite.
    pub fn to_action(self, sent: [f64; 4]) -> Option<Action> {
        match self {
            PolicyProfile::KinitroV1 => Action::clipped([sent[0], sent[1], sent[2], -sent[3]]),
        }
    }

    /// The inverse of [`PolicyProfile::to_action`] for policies of ours that think in MetaWorld's convention.
    pub fn to_wire(self, action: Action) -> [f64; 4] {
        let values = action.values().map(f64::from);
        match self {
            PolicyProfile::KinitroV1 => [values[0], values[1], values[2], -values[3]],
        }
    }
}
