//! Scoring against its written examples, and against the plain reading of its rules on random tables.

use kinitro::domain::{EnvId, PointScheme, Scoring, Strategy, Uid};
use kinitro::score::{RateTable, Standing, TableMiner, epsilon, stand, threshold};
use proptest::prelude::*;
use proptest::strategy::Strategy as Generator;

const EPISODES: u32 = 50;

fn environments(count: usize) -> Vec<EnvId> {
    (0..count).map(|e| format!("test/env-{e}").parse().unwrap()).collect()
}

fn first_commit() -> Strategy {
    Strategy::FirstCommit { z: 1.5, min_gap: 0.02, max_gap: 0.10, min_rate: 1e-9 }
}

/// Points in the order in which the miners are given; uids are 0, 1, 2, …
fn points(miners: &[(&[f64], u64)], strategy: Strategy) -> Vec<u128> {
    let rows: Vec<_> = miners
        .iter()
        .enumerate()
        .map(|(uid, (rates, block))| (TableMiner { uid: Uid(uid as u16), block: *block }, rates.to_vec()))
        .collect();
    let table = RateTable::from_rates(&environments(miners[0].0.len()), EPISODES, &rows).unwrap();
    let scoring = Scoring { strategy, ..Scoring::default() };
    stand(&table, &scoring).unwrap().points.into_values().map(|points| points.0).collect()
}

fn assert_points(miners: &[(&[f64], u64)], epsilon_pareto: &[u128], first: &[u128]) {
    assert_eq!(points(miners, Strategy::EpsilonPareto), epsilon_pareto, "epsilon_pareto {miners:?}");
    assert_eq!(points(miners, first_commit()), first, "first_commit {miners:?}");
}

#[test]
fn the_better_of_two_wins_everything() {
    assert_points(&[(&[0.9, 0.9], 1000), (&[0.5, 0.5], 1000)], &[4, 0], &[4, 0]);
}

#[test]
fn two_specialists_win_their_own_environment() {
    assert_points(&[(&[0.9, 0.3], 1000), (&[0.3, 0.9], 1000)], &[1, 1], &[3, 1]);
}

#[test]
fn a_copy_earns_nothing() {
    assert_points(&[(&[0.8, 0.8], 1000), (&[0.8, 0.8], 2000)], &[0, 0], &[4, 0]);
}

#[test]
fn a_later_and_clearly_better_miner_takes_over() {
    assert_points(&[(&[0.7, 0.7], 1000), (&[0.85, 0.85], 2000)], &[0, 4], &[0, 4]);
}

#[test]
fn a_specialist_and_a_generalist() {
    assert_points(&[(&[0.95, 0.4, 0.4], 1000), (&[0.7, 0.7, 0.7], 2000)], &[1, 4], &[8, 4]);
    assert_points(&[(&[0.95, 0.4, 0.4], 2000), (&[0.7, 0.7, 0.7], 1000)], &[1, 4], &[1, 11]);
}

#[test]
fn three_miners_in_three_environments() {
    let miners: [(&[f64], u64); 3] =
        [(&[0.85, 0.70, 0.75], 1000), (&[0.60, 0.90, 0.65], 2000), (&[0.70, 0.70, 0.70], 3000)];
    assert_points(&miners, &[4, 1, 0], &[11, 1, 0]);
}

#[test]
fn the_noise_between_miners_follows_their_spread() {
    let cases: [(&[f64], u32, f64); 7] = [
        (&[0.5, 0.5, 0.5, 0.5], 50, 0.01),
        (&[0.1, 0.9, 0.2, 0.8], 50, 0.10),
        (&[0.6, 0.7, 0.65, 0.75], 10, 0.035355),
        (&[0.6, 0.7, 0.65, 0.75], 100, 0.01118),
        (&[0.0, 1.0], 50, 0.141421),
        (&[0.0, 1.0], 1, 0.20),
        (&[0.0, 1.0], 4, 0.20),
    ];
    for (rates, episodes, expected) in cases {
        let rows: Vec<_> =
            (0..).zip(rates).map(|(uid, r)| (TableMiner { uid: Uid(uid), block: 0 }, vec![*r])).collect();
        let table = RateTable::from_rates(&environments(1), episodes, &rows).unwrap();
        assert!((epsilon(&table, 0) - expected).abs() < 5e-7, "{rates:?} {}", epsilon(&table, 0));
    }
}

#[test]
fn the_threshold_follows_the_noise_of_a_rate() {
    let cases = [
        (0.5, 50, 0.600),
        (0.5, 100, 0.575),
        (0.5, 500, 0.533541),
        (0.5, 10_000, 0.520),
        (0.5, 0, 0.600),
        (0.0, 50, 0.021107),
        (0.4, 50, 0.500),
        (0.7, 50, 0.797211),
        (0.8, 50, 0.884853),
        (0.9, 50, 0.963640),
        (0.95, 50, 0.996233),
        (1.0, 50, 1.0),
    ];
    for (rate, episodes, expected) in cases {
        let actual = threshold(rate, episodes, 1.5, 0.02, 0.10);
        assert!((actual - expected).abs() < 5e-7, "{rate} {episodes}: {actual}");
    }
}

#[test]
fn a_very_good_rate_is_beaten_by_a_perfect_one_only() {
    assert_eq!(points(&[(&[0.96], 1000), (&[1.0], 2000)], first_commit()), [0, 1]);
    assert_eq!(points(&[(&[0.96], 1000), (&[0.98], 2000)], first_commit()), [1, 0]);
}

#[test]
fn a_copy_of_a_perfect_policy_does_not_take_its_place() {
    assert_eq!(points(&[(&[1.0, 1.0], 1000), (&[1.0, 1.0], 2000)], first_commit()), [4, 0]);
}

#[test]
fn being_first_with_nothing_wins_nothing() {
    assert_eq!(points(&[(&[0.0, 0.0], 1000), (&[0.0, 0.0], 2000)], first_commit()), [0, 0]);
    // The earlier one keeps what it has some success in.
    assert_eq!(points(&[(&[0.0, 0.5], 1000), (&[0.0, 0.0], 2000)], first_commit()), [3, 0]);
}

#[test]
fn of_one_block_the_lower_uid_is_earlier() {
    assert_eq!(points(&[(&[0.8], 1000), (&[0.8], 1000)], first_commit()), [1, 0]);
}

#[test]
fn the_frontier_holds_whom_nobody_dominates() {
    let rows: Vec<_> = [[0.9, 0.3], [0.3, 0.9], [0.3, 0.3], [0.9, 0.3]]
        .iter()
        .zip(0..)
        .map(|(rates, uid)| (TableMiner { uid: Uid(uid), block: 0 }, rates.to_vec()))
        .collect();
    let table = RateTable::from_rates(&environments(2), EPISODES, &rows).unwrap();
    assert_eq!(stand(&table, &Scoring::default()).unwrap().frontier, [Uid(0), Uid(1), Uid(3)]);
}

// ---- the rules read plainly: every subset, every pair -------------------------------------------------------------

/// Wider than what rounding of the plain reading can do, narrower than any real difference of rates.
const ROUNDING: f64 = 1e-10;

struct Plain {
    rates: Vec<Vec<f64>>,
    blocks: Vec<u64>,
    episodes: u32,
}

impl Plain {
    fn epsilon(&self, e: usize) -> f64 {
        if self.episodes <= 1 {
            return 0.20;
        }
        let column: Vec<f64> = self.rates.iter().map(|row| row[e]).collect();
        let mean = column.iter().sum::<f64>() / column.len() as f64;
        let variance = column.iter().map(|rate| (rate - mean) * (rate - mean)).sum::<f64>() / column.len() as f64;
        (2.0 * (variance / f64::from(self.episodes)).sqrt()).clamp(0.01, 0.20)
    }

    fn dominates(&self, a: usize, b: usize, subset: &[usize], epsilons: &[f64]) -> bool {
        let (a, b) = (&self.rates[a], &self.rates[b]);
        subset.iter().all(|&e| a[e] >= b[e] - epsilons[e] - ROUNDING)
            && subset.iter().any(|&e| a[e] > b[e] + epsilons[e] + ROUNDING)
    }

    /// Of two miners, whether `a` is ahead on the subset by the rule of the earlier claim.
    fn is_ahead(&self, a: usize, b: usize, subset: &[usize]) -> bool {
        let a_is_earlier = (self.blocks[a], a) < (self.blocks[b], b);
        let (earlier, later) = if a_is_earlier { (a, b) } else { (b, a) };
        let later_wins = subset.iter().all(|&e| {
            let (before, after) = (self.rates[earlier][e], self.rates[later][e]);
            let bar = threshold(before, self.episodes, 1.5, 0.02, 0.10);
            after > bar + ROUNDING || (bar >= 1.0 - ROUNDING && after == 1.0 && before < 1.0)
        });
        later_wins != a_is_earlier
    }

    fn wins(&self, i: usize, subset: &[usize], strategy: &Strategy, epsilons: &[f64]) -> bool {
        let mut others = (0..self.rates.len()).filter(|&j| j != i);
        let has_success = subset.iter().any(|&e| self.rates[i][e] > 0.0);
        has_success
            && match strategy {
                Strategy::EpsilonPareto => others.all(|j| self.dominates(i, j, subset, epsilons)),
                Strategy::FirstCommit { .. } => others.all(|j| self.is_ahead(i, j, subset)),
            }
    }

    fn points(&self, strategy: &Strategy, scheme: PointScheme) -> Vec<u128> {
        let count = self.rates[0].len();
        let epsilons: Vec<f64> = (0..count).map(|e| self.epsilon(e)).collect();
        let mut points = vec![0; self.rates.len()];
        for bits in 1u32..1 << count {
            let subset: Vec<usize> = (0..count).filter(|e| bits >> e & 1 == 1).collect();
            let worth = match scheme {
                PointScheme::Linear => subset.len() as u128,
                PointScheme::Exponential => 1 << (subset.len() - 1),
                PointScheme::Equal => 1,
            };
            let winners: Vec<usize> =
                (0..points.len()).filter(|&i| self.wins(i, &subset, strategy, &epsilons)).collect();
            assert!(winners.len() <= 1, "two winners of one subset");
            winners.iter().for_each(|&i| points[i] += worth);
        }
        points
    }
}

fn scheme() -> impl Generator<Value = PointScheme> {
    prop_oneof![Just(PointScheme::Linear), Just(PointScheme::Exponential), Just(PointScheme::Equal)]
}

/// Counts of successes out of `episodes`: free, or in few steps so that ties and near ties are common.
fn counts(miners: usize, environments: usize, episodes: u32) -> impl Generator<Value = Vec<Vec<u32>>> {
    let table = |cell| prop::collection::vec(prop::collection::vec(cell, environments), miners);
    prop_oneof![
        table((0..=episodes).boxed()),
        table((episodes - episodes / 8..=episodes).boxed()),
        table(prop_oneof![Just(0), Just(episodes / 2), Just(episodes)].boxed()),
    ]
}

fn tables() -> impl Generator<Value = (u32, Vec<Vec<u32>>, Vec<u64>)> {
    (1usize..8, 1usize..=12, prop_oneof![Just(1u32), Just(7), Just(10), Just(50), Just(400)]).prop_flat_map(
        |(miners, environments, episodes)| {
            (Just(episodes), counts(miners, environments, episodes), prop::collection::vec(0u64..4, miners))
        },
    )
}

fn scored(episodes: u32, counts: &[Vec<u32>], blocks: &[u64], scoring: &Scoring) -> Standing {
    let rows: Vec<_> = counts
        .iter()
        .zip(blocks)
        .zip(0..)
        .map(|((row, &block), uid)| (TableMiner { uid: Uid(uid), block }, row.clone()))
        .collect();
    let environments = environments(counts[0].len());
    let table = RateTable::from_counts(&environments, &vec![episodes; environments.len()], &rows).unwrap();
    stand(&table, scoring).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counting_equals_the_plain_reading((episodes, counts, blocks) in tables(), points in scheme(), early in any::<bool>()) {
        let strategy = if early { first_commit() } else { Strategy::EpsilonPareto };
        let rates = counts
            .iter()
            .map(|row| row.iter().map(|&k| f64::from(k) / f64::from(episodes)).collect())
            .collect();
        let plain = Plain { rates, blocks: blocks.clone(), episodes };
        let scoring = Scoring { strategy: strategy.clone(), points, ..Scoring::default() };
        let standing = scored(episodes, &counts, &blocks, &scoring);
        let actual: Vec<u128> = standing.points.values().map(|points| points.0).collect();
        prop_assert_eq!(actual, plain.points(&strategy, points));
    }

    /// Who is listed first, and what uid a miner has, changes nothing but names.
    #[test]
    fn points_do_not_depend_on_uids((episodes, counts, _) in tables()) {
        let blocks: Vec<u64> = (0..counts.len() as u64).collect();
        let scoring = Scoring { strategy: first_commit(), ..Scoring::default() };
        let forward = scored(episodes, &counts, &blocks, &scoring).points.into_values().collect::<Vec<_>>();
        let (mut counts, mut blocks) = (counts, blocks);
        counts.reverse();
        blocks.reverse();
        let mut backward = scored(episodes, &counts, &blocks, &scoring).points.into_values().collect::<Vec<_>>();
        backward.reverse();
        prop_assert_eq!(forward, backward);
    }
}
