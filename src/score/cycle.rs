//! The one function that scheduler, validator and verification call: from a cycle's results to its scores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::aggregate::aggregate;
use super::{
    EpisodeResult, MAX_WORK, MinerEntry, MinerScore, Points, RateTable, ScoreError, TableMiner, U16Weights, Weights,
    Work, available, bounds, count_won, dominance, epsilon, publish, softmax,
};
use crate::domain::{Contest, EnvId, Scoring, Uid};

/// Why a cycle pays nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoWeights {
    /// No submission was admitted.
    NoMiners,
    /// No episode counts: none is final for every admitted miner.
    NoEpisodes,
    /// No miner won a subset: all tie, or nobody ever succeeded.
    NoPoints,
}

impl NoWeights {
    /// A sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            NoWeights::NoMiners => "No submission was admitted, so there is nobody to pay.",
            NoWeights::NoEpisodes => "No episode is final for every admitted miner, so nothing can be compared.",
            NoWeights::NoPoints => "No miner is ahead of the others anywhere, so nobody is paid.",
        }
    }
}

/// Where the miners stand, from their success rates alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    /// Miners that nobody ε-dominates on all environments, by uid.
    pub frontier: Vec<Uid>,
    /// Points of each miner.
    pub points: BTreeMap<Uid, Points>,
    /// Points of all subsets together, won by anybody or not.
    pub points_available: Points,
    /// Weight of each miner; empty when there is a `reason`.
    pub weights: Weights,
    /// The weights as they are published.
    pub weights_u16: U16Weights,
    /// Why there are no weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<NoWeights>,
}

/// What all miners had in common in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentScale {
    /// Where.
    pub environment: EnvId,
    /// Episodes that count; with 0 the environment took no part.
    pub episodes: u32,
    /// Episodes left out for all.
    pub left_out: u32,
    /// Difference of rates that is taken for noise between miners; absent when the environment took no part.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epsilon: Option<f64>,
}

/// Scores of a cycle, reproducible to the bit from its contest, admitted miners and episode results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CycleScores {
    /// Each environment of the contest, in its order.
    pub environments: Vec<EnvironmentScale>,
    /// Each admitted miner, by uid.
    pub miners: Vec<MinerScore>,
    /// Frontier, points and weights.
    pub standing: Standing,
}

/// Scores of a cycle.
///
/// The order of `miners` and `results` does not matter. Results may be incomplete: an episode without a final result
/// of every miner is left out for all.
///
/// # Errors
/// [`ScoreError`] when the input contradicts itself or the contest; never because of how miners performed, except for
/// the bound on the work of counting ([`ScoreError::TooMuchWork`]).
pub fn score_cycle(
    contest: &Contest,
    miners: &[MinerEntry],
    results: &[EpisodeResult],
) -> Result<CycleScores, ScoreError> {
    let miners = aggregate(contest, miners, results)?;
    let counted = |e: usize| miners.first().map_or(0, |miner| miner.environments[e].episodes);
    let episodes: Vec<u32> = (0..contest.environments.len()).map(counted).collect();
    let rows: Vec<(TableMiner, Vec<u32>)> = miners
        .iter()
        .map(|miner| {
            let successes = miner.environments.iter().map(|score| score.successes).collect();
            (TableMiner { uid: miner.uid, block: miner.block }, successes)
        })
        .collect();
    let table = RateTable::from_counts(&contest.environments, &episodes, &rows)?;
    let column = |environment: &EnvId| table.environments().iter().position(|known| known == environment);
    let environments = contest
        .environments
        .iter()
        .zip(&episodes)
        .map(|(environment, &episodes)| EnvironmentScale {
            environment: environment.clone(),
            episodes,
            left_out: contest.episodes_per_env - episodes,
            epsilon: column(environment).map(|e| epsilon(&table, e)),
        })
        .collect();
    Ok(CycleScores { environments, standing: stand(&table, &contest.scoring)?, miners })
}

/// Frontier, points and weights of a table of success rates.
///
/// # Errors
/// Settings that mean nothing, and [`ScoreError::TooMuchWork`].
pub fn stand(table: &RateTable, scoring: &Scoring) -> Result<Standing, ScoreError> {
    let uid = |place: usize| table.miners()[place].uid;
    let points_available = available(table.environments().len(), scoring.points);
    let mut work = Work::new(MAX_WORK);
    let mut points = BTreeMap::new();
    for (place, bounds) in bounds(table, &scoring.strategy)?.iter().enumerate() {
        let won = count_won(bounds.usable, &bounds.losing, &mut work)?;
        points.insert(uid(place), Points::of(&won, scoring.points));
    }
    let weights = softmax(&points, points_available, scoring)?;
    let reason = if table.miners().is_empty() {
        Some(NoWeights::NoMiners)
    } else if table.environments().is_empty() {
        Some(NoWeights::NoEpisodes)
    } else if weights.is_empty() {
        Some(NoWeights::NoPoints)
    } else {
        None
    };
    let frontier = match reason {
        Some(NoWeights::NoEpisodes) => Vec::new(),
        _ => dominance::frontier(table).into_iter().map(uid).collect(),
    };
    let weights_u16 = publish(&weights);
    Ok(Standing { frontier, points, points_available, weights, weights_u16, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Hotkey, Outcome};

    fn contest() -> Contest {
        let environments = vec!["metaworld/reach-v3".parse().unwrap(), "metaworld/push-v3".parse().unwrap()];
        Contest { environments, episodes_per_env: 10, ..Contest::default() }
    }

    fn entry(uid: u16) -> MinerEntry {
        MinerEntry { uid: Uid(uid), hotkey: Hotkey([uid as u8; 32]), block: 1_000 }
    }

    /// `successes[e]` of the ten episodes of environment e, the first ones.
    fn results(contest: &Contest, uid: u16, successes: [u32; 2]) -> Vec<EpisodeResult> {
        let mut results = Vec::new();
        for (environment, successes) in contest.environments.iter().zip(successes) {
            results.extend((0..contest.episodes_per_env).map(|index| EpisodeResult {
                hotkey: entry(uid).hotkey,
                environment: environment.clone(),
                index,
                outcome: if index < successes { Outcome::Success } else { Outcome::Failure },
                fault: None,
                reward: 1.5,
            }));
        }
        results
    }

    #[test]
    fn the_better_miner_is_paid() {
        let contest = contest();
        let all = [results(&contest, 7, [9, 9]), results(&contest, 3, [4, 5])].concat();
        let scores = score_cycle(&contest, &[entry(7), entry(3)], &all).unwrap();
        assert_eq!(scores.miners.iter().map(|miner| miner.uid.0).collect::<Vec<_>>(), [3, 7]);
        assert_eq!(scores.standing.frontier, [Uid(7)]);
        assert_eq!(scores.standing.points, BTreeMap::from([(Uid(3), Points(0)), (Uid(7), Points(4))]));
        assert!(scores.standing.weights[&Uid(7)] > 0.98);
        assert_eq!(scores.standing.reason, None);
        assert_eq!(scores.environments[0].epsilon, Some(2.0 * 0.25 / libm::sqrt(10.0)));
    }

    #[test]
    fn scores_survive_json_to_the_bit() {
        let contest = contest();
        let all = [results(&contest, 1, [7, 3]), results(&contest, 2, [3, 7]), results(&contest, 4, [1, 1])].concat();
        let scores = score_cycle(&contest, &[entry(1), entry(2), entry(4)], &all).unwrap();
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<CycleScores>(&json).unwrap(), scores);
    }

    #[test]
    fn an_empty_cycle_says_why_it_pays_nobody() {
        let contest = contest();
        let reason = |miners: &[MinerEntry], results: &[EpisodeResult]| {
            let standing = score_cycle(&contest, miners, results).unwrap().standing;
            assert!(standing.weights.is_empty() && standing.weights_u16.uids.is_empty());
            standing.reason
        };
        assert_eq!(reason(&[], &[]), Some(NoWeights::NoMiners));
        assert_eq!(reason(&[entry(1)], &[]), Some(NoWeights::NoEpisodes));
        assert_eq!(reason(&[entry(1)], &results(&contest, 1, [0, 0])), Some(NoWeights::NoPoints));
        let copies = [results(&contest, 1, [9, 9]), results(&contest, 2, [9, 9])].concat();
        assert_eq!(reason(&[entry(1), entry(2)], &copies), Some(NoWeights::NoPoints));
    }

    #[test]
    fn a_single_miner_wins_all_it_may() {
        let contest = contest();
        let points = |successes| {
            let standing = score_cycle(&contest, &[entry(1)], &results(&contest, 1, successes)).unwrap().standing;
            standing.points[&Uid(1)]
        };
        assert_eq!(points([1, 1]), Points(4));
        assert_eq!(points([1, 0]), Points(3));
    }
}
