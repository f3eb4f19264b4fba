//! What happened to an episode, and whose fault a failure was.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an episode ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The success test held at one step at least.
    Success,
    /// The episode ran to its end without success.
    Failure,
    /// The episode was broken off; the [`Fault`] says by whom.
    Faulted,
}

/// Whose fault a broken episode is. Only a miner's fault may lower that miner's score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The policy did not hold its contract.
    Miner,
    /// We, our machines or our network failed; the episode is retried, never counted.
    Platform,
    /// The chain could not be read or written.
    Chain,
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Party::Miner => "miner",
            Party::Platform => "platform",
            Party::Chain => "chain",
        })
    }
}

/// Why an episode was broken off. Each reason belongs to exactly one [`Party`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultReason {
    /// The endpoint's address may not be called (private, loopback, foreign host, not a URL).
    EndpointRefused,
    /// No connection could be made, twice.
    Unreachable,
    /// `/reset` did not answer in time, twice.
    ResetTimeout,
    /// `/reset` answered with an error or nonsense, twice.
    ResetFailed,
    /// Too many steps in a row, or too large a share of all steps, got no usable answer.
    TooManyMissedSteps,
    /// Three answers in a row were malformed.
    MalformedActions,
    /// The episode as a whole took longer than the contest allows.
    EpisodeTimeout,
    /// MuJoCo reported an unstable simulation (`mjWARN_BAD*`) after an action of the miner's. The engine is
    /// deterministic, so a retry would end the same way; were this the platform's fault, a miner could
    /// throw episodes out of everybody's comparison. Instability before the first action is `EngineFailure`.
    SimulationUnstable,
    /// A worker of ours panicked or the engine refused the episode.
    EngineFailure,
    /// The executor lost its lease, was shut down or crashed.
    ExecutorLost,
    /// Most miners failed within the same minute, or the known-good probe failed.
    PlatformOutage,
    /// The transcript or result could not be stored.
    StorageFailure,
    /// A chain read or write failed.
    ChainUnavailable,
}

impl FaultReason {
    /// Whose fault this reason is.
    pub fn party(self) -> Party {
        use FaultReason::*;
        match self {
            EndpointRefused | Unreachable | ResetTimeout | ResetFailed | TooManyMissedSteps | MalformedActions
            | EpisodeTimeout | SimulationUnstable => Party::Miner,
            EngineFailure | ExecutorLost | PlatformOutage | StorageFailure => Party::Platform,
            ChainUnavailable => Party::Chain,
        }
    }

    /// The reason as it stands in JSON, for example `too_many_missed_steps`.
    pub fn slug(self) -> &'static str {
        use FaultReason::*;
        match self {
            EndpointRefused => "endpoint_refused",
            Unreachable => "unreachable",
            ResetTimeout => "reset_timeout",
            ResetFailed => "reset_failed",
            TooManyMissedSteps => "too_many_missed_steps",
            MalformedActions => "malformed_actions",
            EpisodeTimeout => "episode_timeout",
            SimulationUnstable => "simulation_unstable",
            EngineFailure => "engine_failure",
            ExecutorLost => "executor_lost",
            PlatformOutage => "platform_outage",
            StorageFailure => "storage_failure",
            ChainUnavailable => "chain_unavailable",
        }
    }

    /// Every reason, for tables and tests.
    pub const ALL: [FaultReason; 13] = [
        FaultReason::EndpointRefused,
        FaultReason::Unreachable,
        FaultReason::ResetTimeout,
        FaultReason::ResetFailed,
        FaultReason::TooManyMissedSteps,
        FaultReason::MalformedActions,
        FaultReason::EpisodeTimeout,
        FaultReason::SimulationUnstable,
        FaultReason::EngineFailure,
        FaultReason::ExecutorLost,
        FaultReason::PlatformOutage,
        FaultReason::StorageFailure,
        FaultReason::ChainUnavailable,
    ];
}

/// A broken episode's cause: the party follows from the reason, so the two cannot contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// Why it was broken off.
    pub reason: FaultReason,
}

impl Fault {
    /// A fault with this reason.
    pub fn new(reason: FaultReason) -> Fault {
        Fault { reason }
    }

    /// Whose fault it is.
    pub fn party(&self) -> Party {
        self.reason.party()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.party(), self.reason.slug())
    }
}

#[derive(Serialize, Deserialize)]
struct FaultJson {
    party: Party,
    reason: FaultReason,
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        FaultJson { party: self.party(), reason: self.reason }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = FaultJson::deserialize(deserializer)?;
        if json.party != json.reason.party() {
            return Err(serde::de::Error::custom(format!(
                "fault {} belongs to {}, not to {}",
                json.reason.slug(),
                json.reason.party(),
                json.party
            )));
        }
        Ok(Fault { reason: json.reason })
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultReason, Party};

    #[test]
    fn slugs_are_the_json_names() {
        for reason in FaultReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.slug());
        }
    }

    #[test]
    fn each_reason_belongs_to_the_party_that_can_do_something_about_it() {
        let of = |party| FaultReason::ALL.into_iter().filter(|reason| reason.party() == party).collect::<Vec<_>>();
        use FaultReason::*;
        assert_eq!(
            of(Party::Miner),
            [
                EndpointRefused,
                Unreachable,
                ResetTimeout,
                ResetFailed,
                TooManyMissedSteps,
                MalformedActions,
                EpisodeTimeout,
                SimulationUnstable
            ]
        );
        assert_eq!(of(Party::Platform), [EngineFailure, ExecutorLost, PlatformOutage, StorageFailure]);
        assert_eq!(of(Party::Chain), [ChainUnavailable]);
    }

    #[test]
    fn a_fault_with_the_wrong_party_is_refused() {
        let json = r#"{"party":"miner","reason":"engine_failure"}"#;
        assert!(serde_json::from_str::<Fault>(json).unwrap_err().to_string().contains("belongs to platform"));
    }
}
