//! Who may win which subsets of environments, for both strategies, in integers.
//!
//! A rate is a whole number of `1/D` (D the column's denominator), so "above by more than the gap" is a comparison of
//! whole numbers with the largest whole number not above the gap, which is found exactly from the gap's square.

use crate::domain::Strategy;

use super::{RateTable, ScoreError};

/// Smallest noise that is believed: `epsilon_pareto`'s lower bound, 1/100.
const MIN_EPSILON: (u64, u64) = (1, 100);
/// Largest noise that is believed, 1/5; also the noise of a single episode.
const MAX_EPSILON: (u64, u64) = (1, 5);
/// Settings of `first_commit` are read to six decimals.
const MILLION: f64 = 1e6;
/// `min_rate` is read to nine decimals, so that its default, "above zero", stays above zero.
const BILLION: f64 = 1e9;
/// Largest z that the exact comparison is made for; 1.5 is usual.
const MAX_Z: f64 = 1_000.0;

/// Which subsets one miner wins: those inside `usable` that lie inside none of `losing`. Bit `e` of a set is
/// environment `e` of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// G: environments in which nobody rules the miner out.
    pub usable: u64,
    /// T: for each rival the part of G on which it does not lose to the miner; and the part on which the miner's
    /// own rate is nothing. Sorted, without repetition.
    pub losing: Vec<u64>,
}

/// For each miner of the table, in its order, the subsets that it wins.
///
/// # Errors
/// [`ScoreError::Setting`] when a setting of the strategy means nothing.
pub fn bounds(table: &RateTable, strategy: &Strategy) -> Result<Vec<Bounds>, ScoreError> {
    match strategy {
        Strategy::EpsilonPareto => Ok(epsilon_bounds(table)),
        Strategy::FirstCommit { z, min_gap, max_gap, min_rate } => {
            first_commit_bounds(table, &Gap::read(*z, *min_gap, *max_gap)?, read_min_rate(*min_rate)?)
        }
    }
}

fn assemble(table: &RateTable, usable: u64, rivals: impl Iterator<Item = u64>, nothing: u64) -> Bounds {
    debug_assert_eq!(usable & !table.all_environments(), 0);
    let mut losing: Vec<u64> = rivals.chain([nothing]).map(|set| set & usable).collect();
    losing.sort_unstable();
    losing.dedup();
    Bounds { usable, losing }
}

fn epsilon_bounds(table: &RateTable) -> Vec<Bounds> {
    let steps: Vec<u64> = (0..table.environments.len()).map(|e| epsilon_steps(table, e)).collect();
    let best: Vec<u64> =
        (0..steps.len()).map(|e| table.numerators.iter().map(|row| row[e]).max().unwrap_or(0)).collect();
    let rows = &table.numerators;
    rows.iter()
        .enumerate()
        .map(|(i, mine)| {
            let usable = table.set_of(|e| best[e] - mine[e] <= steps[e]);
            let not_above = |theirs: &Vec<u64>| table.set_of(|e| mine[e] <= theirs[e] + steps[e]);
            let rivals = rows.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, theirs)| not_above(theirs));
            // With a rival this adds nothing: a rate of zero is above nobody's. A single miner must not win by it.
            assemble(table, usable, rivals, table.set_of(|e| mine[e] == 0))
        })
        .collect()
}

fn first_commit_bounds(table: &RateTable, gap: &Gap, min_rate: u64) -> Result<Vec<Bounds>, ScoreError> {
    let order = claim_order(table);
    let columns = 0..table.environments.len();
    // The least numerator that beats each miner in each environment.
    let needed: Vec<Vec<u64>> = table
        .numerators
        .iter()
        .map(|row| columns.clone().map(|e| gap.needed(row[e], table.denominators[e], table.episodes[e])).collect())
        .collect();
    let mut hurdle = vec![0u64; table.environments.len()];
    let mut all = vec![Bounds { usable: 0, losing: Vec::new() }; table.miners.len()];
    for (place, &i) in order.iter().enumerate() {
        let mine = &table.numerators[i];
        let usable = table.set_of(|e| mine[e] >= hurdle[e]);
        let rivals = order[place + 1..].iter().map(|&j| table.set_of(|e| table.numerators[j][e] >= needed[i][e]));
        let nothing = table.set_of(|e| below_min_rate(mine[e], table.denominators[e], min_rate));
        all[i] = assemble(table, usable, rivals, nothing);
        for e in columns.clone() {
            hurdle[e] = hurdle[e].max(needed[i][e]);
        }
    }
    Ok(all)
}

/// Places of the miners in the table, the earliest claim first; of one block, the lower uid first.
fn claim_order(table: &RateTable) -> Vec<usize> {
    let mut order: Vec<usize> = (0..table.miners.len()).collect();
    order.sort_by_key(|&i| (table.miners[i].block, table.miners[i].uid));
    order
}

fn below_min_rate(numerator: u64, denominator: u64, min_rate_billionths: u64) -> bool {
    u128::from(numerator) * 1_000_000_000 < u128::from(min_rate_billionths) * u128::from(denominator)
}

/// Miners that nobody ε-dominates on all environments of the table, by their place.
pub(super) fn frontier(table: &RateTable) -> Vec<usize> {
    let steps: Vec<u64> = (0..table.environments.len()).map(|e| epsilon_steps(table, e)).collect();
    let dominates = |a: &Vec<u64>, b: &Vec<u64>| {
        (0..steps.len()).all(|e| a[e] + steps[e] >= b[e]) && (0..steps.len()).any(|e| a[e] > b[e] + steps[e])
    };
    let rows = &table.numerators;
    (0..rows.len()).filter(|&i| !rows.iter().any(|other| dominates(other, &rows[i]))).collect()
}

/// The largest number of `1/D` that is not above ε in a column.
fn epsilon_steps(table: &RateTable, environment: usize) -> u64 {
    let (denominator, n) = (table.denominators[environment], u128::from(table.episodes[environment]));
    let at_most = |steps: u64, (over, under): (u64, u64)| steps * under <= over * denominator;
    let (miners, spread) = column_spread(table, environment);
    // steps/D ≤ 2·sd/√n, both sides squared, with sd² = spread/(miners²·D²).
    let within_noise = |steps: u64| {
        let steps = u128::from(steps);
        steps * steps * miners * miners * n <= 4 * spread
    };
    largest(denominator, |steps| {
        at_most(steps, MIN_EPSILON) || (at_most(steps, MAX_EPSILON) && (n <= 1 || within_noise(steps)))
    })
}

/// (M, M·Σk² − (Σk)²): the second over M²·D² is the population variance of a column's rates.
fn column_spread(table: &RateTable, environment: usize) -> (u128, u128) {
    let miners = table.miners.len() as u128;
    let column = || table.numerators.iter().map(|row| u128::from(row[environment]));
    let (sum, squares) = (column().sum::<u128>(), column().map(|k| k * k).sum::<u128>());
    (miners, miners * squares - sum * sum)
}

/// ε of an environment as a number to show: clamp(2·sd/√n, 0.01, 0.20), and 0.20 for a single episode.
pub fn epsilon(table: &RateTable, environment: usize) -> f64 {
    let n = f64::from(table.episodes[environment]);
    if n <= 1.0 {
        return 0.20;
    }
    let (miners, spread) = column_spread(table, environment);
    let scale = miners as f64 * table.denominators[environment] as f64;
    (2.0 * libm::sqrt(spread as f64) / scale / libm::sqrt(n)).clamp(0.01, 0.20)
}

/// The gap that protects an earlier claim: clamp(z·√(p'(1−p')/n), min, max). Settings in millionths.
struct Gap {
    z: u128,
    min: u64,
    max: u64,
}

impl Gap {
    fn read(z: f64, min_gap: f64, max_gap: f64) -> Result<Gap, ScoreError> {
        let within = |field, value: f64, most: f64, expected| {
            if (0.0..=most).contains(&value) {
                Ok((value * MILLION).round() as u64)
            } else {
                Err(ScoreError::Setting { field, value, expected })
            }
        };
        let min = within("strategy.min_gap", min_gap, 1.0, "a number from 0 to 1")?;
        let max = within("strategy.max_gap", max_gap, 1.0, "a number from min_gap to 1")?;
        if max < min {
            return Err(ScoreError::Setting {
                field: "strategy.max_gap",
                value: max_gap,
                expected: "a number from min_gap to 1",
            });
        }
        Ok(Gap { z: within("strategy.z", z, MAX_Z, "a number from 0 to 1000")?.into(), min, max })
    }

    /// The largest number of `1/D` that is not above the gap over a rate of `numerator/D`.
    fn steps(&self, numerator: u64, denominator: u64, n: u32) -> u64 {
        let at_most = |steps: u64, millionths: u64| steps * 1_000_000 <= millionths * denominator;
        // p' in hundredths of 1/D, so that its limits 0.01 and 0.99 are whole.
        let p = u128::from((100 * numerator).clamp(denominator, 99 * denominator));
        let variance = p * (100 * u128::from(denominator) - p);
        // steps/D ≤ z·√(p'(1−p')/n), both sides squared and freed of fractions.
        let within_noise = |steps: u64| {
            let steps = 100 * 1_000_000 * u128::from(steps);
            steps * steps * u128::from(n) <= self.z * self.z * variance
        };
        largest(denominator, |steps| {
            at_most(steps, self.min) || (at_most(steps, self.max) && (n == 0 || within_noise(steps)))
        })
    }

    /// The least numerator that is above the threshold of a rate of `numerator/D`; D + 1 where none is.
    ///
    /// A threshold that reaches 1 would make good rates unbeatable, so there a rate of exactly 1 counts as above it;
    /// but not above another rate of exactly 1: the earlier claim holds a tie.
    fn needed(&self, numerator: u64, denominator: u64, n: u32) -> u64 {
        let above = numerator + self.steps(numerator, denominator, n) + 1;
        if numerator == denominator { denominator + 1 } else { above.min(denominator) }
    }
}

fn read_min_rate(min_rate: f64) -> Result<u64, ScoreError> {
    if !(0.0..=1.0).contains(&min_rate) {
        let expected = "a number from 0 to 1";
        return Err(ScoreError::Setting { field: "strategy.min_rate", value: min_rate, expected });
    }
    Ok((min_rate * BILLION).round() as u64)
}

/// The threshold of a rate `p` over `n` episodes as a number to show:
/// min(p + clamp(z·√(p'(1−p')/n), min_gap, max_gap), 1) with p' = clamp(p, 0.01, 0.99).
pub fn threshold(p: f64, n: u32, z: f64, min_gap: f64, max_gap: f64) -> f64 {
    let gap = if n == 0 {
        max_gap
    } else {
        let clamped = p.clamp(0.01, 0.99);
        (z * libm::sqrt(clamped * (1.0 - clamped) / f64::from(n))).max(min_gap).min(max_gap)
    };
    (p + gap).min(1.0)
}

/// The largest `x` in 0 ..= `limit` for which `holds`; it must hold for 0 and, once false, stay false.
fn largest(limit: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, limit);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}
