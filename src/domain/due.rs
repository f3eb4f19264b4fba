//! Which admissible miners a cycle evaluates.

use serde::{Deserialize, Serialize};

/// Blocks of 48 hours at 12 s a block: how long a new claim is looked at whatever its miner earns.
const YOUNG_CLAIM_BLOCKS: u64 = 14_400;
/// Miners that are looked at for what they earn.
const TOP_MINERS: u16 = 20;

/// A contest's choice of whom a cycle evaluates, read at its anchor block, so that anybody can make it again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who", deny_unknown_fields)]
pub enum Due {
    /// Every admissible miner.
    #[default]
    All,
    /// The best paid ones, and those whose claim is young. The others are refused with `not_due`.
    Top {
        /// How many for what they earn: those of the highest incentive, the lower uid first where it is equal; nobody without
        /// any. Default 20.
        #[serde(default = "top_miners")]
        miners: u16,
        /// A claim is young while fewer blocks than these lie between its own and the anchor. Default 14,400, two days.
        #[serde(default = "young_claim_blocks")]
        young_claim_blocks: u64,
    },
}

impl Due {
    /// Whether this is the default, which contests from before it was a setting have.
    pub fn is_all(&self) -> bool {
        *self == Due::All
    }
}

fn top_miners() -> u16 {
    TOP_MINERS
}

fn young_claim_blocks() -> u64 {
    YOUNG_CLAIM_BLOCKS
}
