//! From episode results to success rates, points and weights.
//!
//! Decisions (who wins which subset, how many points) are made on integers only. Floating point appears where a
//! number is shown or paid (rates, intervals, softmax) and then uses additions, multiplications, divisions and
//! square roots, which IEEE 754 fixes to the bit, and the `exp` of the `libm` crate.

mod aggregate;
mod bitmap;
mod cycle;
mod dominance;
mod error;
mod points;
mod rate_table;
mod subsets;
mod weights;
mod wilson;

/// Most miners of one cycle: sixteen times the largest subnet. Work and memory grow with the square of it, and manifests come
/// from strangers.
pub const MAX_MINERS: usize = 4096;

pub use aggregate::{EnvironmentScore, EpisodeResult, MinerEntry, MinerScore};
pub use cycle::{CycleScores, EnvironmentScale, NoWeights, Standing, score_cycle, stand};
pub use dominance::{Bounds, bounds, epsilon, threshold};
pub use error::ScoreError;
pub use points::{Points, available};
pub use rate_table::{MAX_ENVIRONMENTS, MAX_EPISODES, RateTable, TableMiner};
pub use subsets::{MAX_WORK, SizeCounts, Work, count_won};
pub use weights::{U16Weights, Weights, chain_vector, publish, softmax};
pub use wilson::{Interval, wilson};
