//! What can be wrong with the input of scoring.

use crate::domain::{EnvId, Hotkey, Uid};

/// Why no scores could be computed. Every one is a fault of the input, never of a miner.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScoreError {
    /// Subsets are kept as 64-bit sets.
    #[error("{0} environments are more than the {max} that scoring can hold; use fewer in the contest", max = super::MAX_ENVIRONMENTS)]
    TooManyEnvironments(usize),
    /// An environment stands twice in the contest.
    #[error("environment {0} stands twice in the contest; name each once")]
    RepeatedEnvironment(EnvId),
    /// Every miner is compared with every other.
    #[error("{0} miners are more than the {max} that scoring compares; no subnet has so many", max = super::MAX_MINERS)]
    TooManyMiners(usize),
    /// Two miners claim one uid.
    #[error("uid {0} stands twice among the miners; each uid belongs to one hotkey")]
    RepeatedUid(Uid),
    /// One hotkey sits in two uids.
    #[error("hotkey {0} stands twice among the miners")]
    RepeatedHotkey(Hotkey),
    /// A result of somebody who is not among the admitted miners.
    #[error("a result of hotkey {0} was given, which is not among the admitted miners")]
    UnknownMiner(Hotkey),
    /// A result in an environment outside the contest.
    #[error("a result in {0} was given, which the contest does not contain")]
    UnknownEnvironment(EnvId),
    /// An episode number beyond the contest's budget.
    #[error("episode {index} of {environment} is beyond the contest's {episodes} episodes")]
    IndexOutOfRange {
        /// Where.
        environment: EnvId,
        /// The number that was given, counted from 0.
        index: u32,
        /// Episodes of each environment.
        episodes: u32,
    },
    /// Two final results for one episode of one miner.
    #[error("episode {index} of {environment} has two results for hotkey {hotkey}; give the final one only")]
    RepeatedResult {
        /// Whose.
        hotkey: Hotkey,
        /// Where.
        environment: EnvId,
        /// Which episode.
        index: u32,
    },
    /// Outcome and fault contradict each other, or the reward is no number.
    #[error("episode {index} of {environment} for hotkey {hotkey} is contradictory: {why}")]
    BadResult {
        /// Whose.
        hotkey: Hotkey,
        /// Where.
        environment: EnvId,
        /// Which episode.
        index: u32,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A rate outside 0 … 1.
    #[error("the rate of uid {uid} in {environment} is {rate}; a success rate is a number from 0 to 1")]
    BadRate {
        /// Whose.
        uid: Uid,
        /// Where.
        environment: EnvId,
        /// The number that was given.
        rate: f64,
    },
    /// More episodes than the exact comparisons are made for.
    #[error("{0} episodes per environment are more than the {max} that comparisons are exact for", max = super::MAX_EPISODES)]
    TooManyEpisodes(u32),
    /// A setting of the contest's scoring that means nothing.
    #[error("the setting scoring.{field} is {value}; it must be {expected}")]
    Setting {
        /// Name of the field.
        field: &'static str,
        /// The value that was given.
        value: f64,
        /// What would be right.
        expected: &'static str,
    },
    /// The table is of a kind for which exact counting takes too long: very many miners at the top of very many
    /// environments, each in another selection of them.
    #[error(
        "counting the subsets of this table exactly takes more than {limit} steps; use fewer environments or more \
         episodes in the contest",
        limit = super::MAX_WORK
    )]
    TooMuchWork,
}
