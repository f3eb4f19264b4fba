//! Success rates of all miners in all environments, as integers over a common denominator per environment.

use std::collections::BTreeSet;

use super::ScoreError;
use crate::domain::{EnvId, Uid};

/// Most environments of a contest: a subset of them is one 64-bit set.
pub const MAX_ENVIRONMENTS: usize = 64;

/// Most episodes per environment. With a million the largest product of an exact comparison stays below 2^114.
pub const MAX_EPISODES: u32 = 1_000_000;

/// Denominator for rates that were given as decimal fractions and are no whole number of episodes: six decimals.
const DECIMAL: u64 = 1_000_000;

/// How far `rate × episodes` may be from a whole number and still be one that lost digits in printing.
const WHOLE_TOLERANCE: f64 = 1e-6;

/// Who stands in a row of the table, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableMiner {
    /// The miner's place in the subnet.
    pub uid: Uid,
    /// Block of its claim.
    pub block: u64,
}

/// Success rates, `numerators[miner][environment] / denominators[environment]`.
///
/// Miners stand in the order of their uids. An environment in which no episode counts takes no part: the table
/// holds only environments that can be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateTable {
    pub(super) miners: Vec<TableMiner>,
    pub(super) environments: Vec<EnvId>,
    /// Episodes behind each rate of a column: they set how wide noise is.
    pub(super) episodes: Vec<u32>,
    pub(super) denominators: Vec<u64>,
    pub(super) numerators: Vec<Vec<u64>>,
}

impl RateTable {
    /// A table from counts: `successes[miner][environment]` out of `episodes[environment]`.
    ///
    /// Rows and columns may come in any order of uids; environments with 0 episodes are left away.
    ///
    /// # Errors
    /// Repeated uids or environments, and more environments or episodes than can be compared.
    pub fn from_counts(
        environments: &[EnvId],
        episodes: &[u32],
        rows: &[(TableMiner, Vec<u32>)],
    ) -> Result<RateTable, ScoreError> {
        assert!(episodes.len() == environments.len() && rows.iter().all(|(_, row)| row.len() == environments.len()));
        let used: Vec<usize> = (0..environments.len()).filter(|&e| episodes[e] > 0).collect();
        let select = |row: &Vec<u32>| {
            used.iter()
                .map(|&e| {
                    assert!(row[e] <= episodes[e], "more successes than episodes");
                    u64::from(row[e])
                })
                .collect()
        };
        Self::checked(
            used.iter().map(|&e| environments[e].clone()).collect(),
            used.iter().map(|&e| episodes[e]).collect(),
            used.iter().map(|&e| u64::from(episodes[e])).collect(),
            rows.iter().map(|(miner, row)| (*miner, select(row))).collect(),
        )
    }

    /// A table from rates between 0 and 1, each standing for `episodes` episodes.
    ///
    /// A column in which every `rate × episodes` is a whole number (to a millionth) is taken as those counts, so
    /// that published rates give the published points; any other column is rounded to six decimals.
    ///
    /// # Errors
    /// As [`RateTable::from_counts`], and a rate that is no number from 0 to 1.
    pub fn from_rates(
        environments: &[EnvId],
        episodes: u32,
        rows: &[(TableMiner, Vec<f64>)],
    ) -> Result<RateTable, ScoreError> {
        for (miner, row) in rows {
            assert_eq!(row.len(), environments.len());
            for (environment, &rate) in environments.iter().zip(row) {
                if !(0.0..=1.0).contains(&rate) {
                    return Err(ScoreError::BadRate { uid: miner.uid, environment: environment.clone(), rate });
                }
            }
        }
        let is_whole = |e: usize| {
            episodes > 0
                && rows.iter().all(|(_, row)| {
                    let count = row[e] * f64::from(episodes);
                    (count - count.round()).abs() <= WHOLE_TOLERANCE
                })
        };
        let denominators: Vec<u64> =
            (0..environments.len()).map(|e| if is_whole(e) { u64::from(episodes) } else { DECIMAL }).collect();
        let numerators =
            |row: &Vec<f64>| row.iter().zip(&denominators).map(|(rate, &d)| (rate * d as f64).round() as u64).collect();
        let rows = rows.iter().map(|(miner, row)| (*miner, numerators(row))).collect();
        Self::checked(environments.to_vec(), vec![episodes; environments.len()], denominators, rows)
    }

    fn checked(
        environments: Vec<EnvId>,
        episodes: Vec<u32>,
        denominators: Vec<u64>,
        mut rows: Vec<(TableMiner, Vec<u64>)>,
    ) -> Result<RateTable, ScoreError> {
        check_environments(&environments)?;
        if let Some(&most) = episodes.iter().max()
            && most > MAX_EPISODES
        {
            return Err(ScoreError::TooManyEpisodes(most));
        }
        rows.sort_by_key(|(miner, _)| miner.uid);
        if let Some(pair) = rows.windows(2).find(|pair| pair[0].0.uid == pair[1].0.uid) {
            return Err(ScoreError::RepeatedUid(pair[0].0.uid));
        }
        let (miners, numerators) = rows.into_iter().unzip();
        Ok(RateTable { miners, environments, episodes, denominators, numerators })
    }

    /// The miners in the order of their uids.
    pub fn miners(&self) -> &[TableMiner] {
        &self.miners
    }

    /// The environments that can be compared, in the contest's order.
    pub fn environments(&self) -> &[EnvId] {
        &self.environments
    }

    /// The rate of a miner in an environment, both by their place in the table.
    pub fn rate(&self, miner: usize, environment: usize) -> f64 {
        self.numerators[miner][environment] as f64 / self.denominators[environment] as f64
    }

    /// The set of all environments of the table: bit `e` is environment `e`.
    pub(super) fn all_environments(&self) -> u64 {
        self.set_of(|_| true)
    }

    /// The set of environments for which `holds` is true.
    pub(super) fn set_of(&self, holds: impl Fn(usize) -> bool) -> u64 {
        (0..self.environments.len()).filter(|&e| holds(e)).fold(0, |set, e| set | 1 << e)
    }
}

/// Each environment once, and no more than fit a bit set.
pub(super) fn check_environments(environments: &[EnvId]) -> Result<(), ScoreError> {
    if environments.len() > MAX_ENVIRONMENTS {
        return Err(ScoreError::TooManyEnvironments(environments.len()));
    }
    let mut seen = BTreeSet::new();
    match environments.iter().find(|environment| !seen.insert(*environment)) {
        Some(repeated) => Err(ScoreError::RepeatedEnvironment(repeated.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environments(count: usize) -> Vec<EnvId> {
        (0..count).map(|e| format!("test/env-{e}").parse().unwrap()).collect()
    }

    fn miner(uid: u16) -> TableMiner {
        TableMiner { uid: Uid(uid), block: 0 }
    }

    #[test]
    fn printed_rates_become_the_counts_they_were() {
        let counts: Vec<u32> = (0..=17).collect();
        let rows: Vec<_> = counts.iter().map(|&k| (miner(k as u16), vec![f64::from(k) / 17.0])).collect();
        let table = RateTable::from_rates(&environments(1), 17, &rows).unwrap();
        assert_eq!(table.denominators, [17]);
        assert!(table.numerators.iter().zip(&counts).all(|(row, &k)| row[0] == u64::from(k)));
    }

    #[test]
    fn rates_between_two_counts_keep_six_decimals() {
        let table = RateTable::from_rates(&environments(1), 50, &[(miner(0), vec![0.95])]).unwrap();
        assert_eq!((table.denominators[0], table.numerators[0][0]), (1_000_000, 950_000));
    }

    #[test]
    fn an_environment_without_episodes_takes_no_part() {
        let table = RateTable::from_counts(&environments(3), &[5, 0, 4], &[(miner(1), vec![5, 0, 1])]).unwrap();
        assert_eq!(table.environments().len(), 2);
        assert_eq!(table.rate(0, 1), 0.25);
    }

    #[test]
    fn wrong_tables_are_refused() {
        let one = environments(1);
        let rates = |rate| RateTable::from_rates(&one, 50, &[(miner(0), vec![rate])]);
        assert!(matches!(rates(f64::NAN), Err(ScoreError::BadRate { .. })));
        assert!(matches!(rates(1.01), Err(ScoreError::BadRate { .. })));
        let twice = RateTable::from_rates(&one, 50, &[(miner(3), vec![0.0]), (miner(3), vec![0.0])]);
        assert_eq!(twice, Err(ScoreError::RepeatedUid(Uid(3))));
        assert_eq!(RateTable::from_rates(&environments(65), 50, &[]), Err(ScoreError::TooManyEnvironments(65)));
        let repeated = vec![one[0].clone(), one[0].clone()];
        assert!(matches!(RateTable::from_rates(&repeated, 50, &[]), Err(ScoreError::RepeatedEnvironment(_))));
    }
}
