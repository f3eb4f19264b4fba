//! The scoring part of `kinitro bench`: 50 environments, 256 miners, exact, on one core.

use std::time::Instant;

use serde::Serialize;

use super::synthetic::{Shape, environments, field};
use super::table::Table;
use super::test_scoring::StrategyName;
use crate::domain::Scoring;
use crate::score::stand;

/// Size of the measured contest: MetaWorld's tasks and a full subnet.
const ENVIRONMENTS: usize = 50;
/// Miners of a full subnet.
const MINERS: usize = 256;
/// Episodes behind each rate.
const EPISODES: u32 = 50;
/// Fields measured for each line.
const SEEDS: u64 = 5;
/// The bar for one table.
pub const BAR_MS: f64 = 1_000.0;

/// One line of the measurement.
#[derive(Debug, Serialize)]
pub struct Measurement {
    /// Kind of field, and the strategy.
    pub name: String,
    /// Median time to score one table, milliseconds.
    pub median_ms: f64,
    /// Longest time of the measured tables, milliseconds.
    pub longest_ms: f64,
}

/// Scores `SEEDS` fields of each shape with each strategy and reports the times.
///
/// # Errors
/// None in practice: the generated tables are well-formed.
pub fn measure() -> anyhow::Result<Vec<Measurement>> {
    let mut lines = Vec::new();
    for strategy in [StrategyName::EpsilonPareto, StrategyName::FirstCommit] {
        let scoring = Scoring { strategy: strategy.strategy(), ..Scoring::default() };
        for shape in Shape::ALL {
            let mut times = Vec::new();
            for seed in 0..SEEDS {
                let table = field(shape, MINERS, environments(ENVIRONMENTS), EPISODES, seed).table()?;
                let start = Instant::now();
                stand(&table, &scoring)?;
                times.push(start.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            lines.push(Measurement {
                name: format!("{shape:?}, {strategy:?}"),
                median_ms: times[times.len() / 2],
                longest_ms: times[times.len() - 1],
            });
        }
    }
    Ok(lines)
}

/// Measures and prints a table.
///
/// # Errors
/// As [`measure`].
pub fn run() -> anyhow::Result<()> {
    let mut table = Table::new(&["scoring 50 environments x 256 miners", "median ms", "longest ms", "bar ms"]);
    for line in measure()? {
        let number = |ms: f64| format!("{ms:.2}");
        table.row([line.name, number(line.median_ms), number(line.longest_ms), number(BAR_MS)]);
    }
    table.print();
    Ok(())
}
