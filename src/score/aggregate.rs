//! From single episodes to what each miner reached in each environment.
//!
//! Comparisons are paired: an episode counts only when every admitted miner has a final result for it that is not the
//! platform's fault. Episode k of an environment is the same world for all, so leaving it out for all is fair.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rate_table::check_environments;
use super::{Interval, MAX_MINERS, ScoreError, wilson};
use crate::domain::{Contest, EnvId, Fault, Hotkey, Outcome, Party, Uid};

/// A miner that was admitted to the cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinerEntry {
    /// Where it sits.
    pub uid: Uid,
    /// Who it is.
    pub hotkey: Hotkey,
    /// Block of its claim: of the oldest claim, where it claimed the same weights again later.
    pub block: u64,
}

/// The result of one episode. One that is still open is simply absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpisodeResult {
    /// Whose policy acted.
    pub hotkey: Hotkey,
    /// Where.
    pub environment: EnvId,
    /// Which episode of the environment, counted from 0.
    pub index: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Whose fault it was that it was broken off; present exactly when the outcome says so.
    pub fault: Option<Fault>,
    /// Sum of the rewards of its steps.
    pub reward: f64,
}

/// What one miner reached in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentScore {
    /// Where.
    pub environment: EnvId,
    /// Episodes that count, equal for all miners.
    pub episodes: u32,
    /// Of these, episodes with success at any step.
    pub successes: u32,
    /// Of these, episodes broken off by the miner's fault; they count as not successful.
    pub failed: u32,
    /// Episodes that do not count because some miner has no final result of its own making for them.
    pub left_out: u32,
    /// successes / episodes; 0 without episodes.
    pub rate: f64,
    /// 95 % Wilson interval of the rate.
    pub interval: Interval,
    /// Mean over the counted episodes of the sum of rewards; 0 without episodes.
    pub mean_reward: f64,
}

/// What one miner reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinerScore {
    /// Where it sits.
    pub uid: Uid,
    /// Who it is.
    pub hotkey: Hotkey,
    /// Block of its claim.
    pub block: u64,
    /// Each environment of the contest, in the contest's order.
    pub environments: Vec<EnvironmentScore>,
}

/// What each miner reached in each environment of the contest, by uid.
///
/// # Errors
/// Results that are contradictory, given twice, or of no miner, environment or episode of this cycle.
pub(super) fn aggregate(
    contest: &Contest,
    miners: &[MinerEntry],
    results: &[EpisodeResult],
) -> Result<Vec<MinerScore>, ScoreError> {
    check_environments(&contest.environments)?;
    let mut miners = miners.to_vec();
    miners.sort_by_key(|miner| miner.uid);
    check_miners(&miners)?;
    let final_results = index_results(contest, &miners, results)?;
    let counted = counted_by_all(contest, miners.len(), &final_results);
    let score = |miner: &MinerEntry, environment: &EnvId| {
        let indices = &counted[environment];
        let episodes: Vec<&EpisodeResult> =
            indices.iter().map(|&index| final_results[&(miner.hotkey, environment, index)]).collect();
        summary(environment, &episodes, contest.episodes_per_env)
    };
    Ok(miners
        .iter()
        .map(|miner| MinerScore {
            uid: miner.uid,
            hotkey: miner.hotkey,
            block: miner.block,
            environments: contest.environments.iter().map(|environment| score(miner, environment)).collect(),
        })
        .collect())
}

/// The episodes of each environment that every miner has, ascending. Goes over the results and not over the episodes that
/// the contest promises, which a manifest could make four thousand million of.
fn counted_by_all<'a>(contest: &'a Contest, miners: usize, final_results: &Index<'a>) -> BTreeMap<&'a EnvId, Vec<u32>> {
    let mut holders: BTreeMap<(&EnvId, u32), usize> = BTreeMap::new();
    for (_, environment, index) in final_results.keys() {
        *holders.entry((environment, *index)).or_default() += 1;
    }
    let mut counted: BTreeMap<&EnvId, Vec<u32>> = contest.environments.iter().map(|env| (env, Vec::new())).collect();
    for ((environment, index), count) in holders {
        if count == miners {
            counted.entry(environment).or_default().push(index);
        }
    }
    counted
}

fn summary(environment: &EnvId, counted: &[&EpisodeResult], budget: u32) -> EnvironmentScore {
    let episodes = counted.len() as u32;
    let number = |outcome| counted.iter().filter(|result| result.outcome == outcome).count() as u32;
    let (successes, failed) = (number(Outcome::Success), number(Outcome::Faulted));
    let mean = |sum: f64| if episodes == 0 { 0.0 } else { sum / f64::from(episodes) };
    EnvironmentScore {
        environment: environment.clone(),
        episodes,
        successes,
        failed,
        left_out: budget - episodes,
        rate: mean(f64::from(successes)),
        interval: wilson(successes, episodes),
        mean_reward: mean(counted.iter().map(|result| result.reward).sum()),
    }
}

fn check_miners(sorted: &[MinerEntry]) -> Result<(), ScoreError> {
    if sorted.len() > MAX_MINERS {
        return Err(ScoreError::TooManyMiners(sorted.len()));
    }
    let mut hotkeys = BTreeSet::new();
    for (place, miner) in sorted.iter().enumerate() {
        if place > 0 && sorted[place - 1].uid == miner.uid {
            return Err(ScoreError::RepeatedUid(miner.uid));
        }
        if !hotkeys.insert(miner.hotkey) {
            return Err(ScoreError::RepeatedHotkey(miner.hotkey));
        }
    }
    Ok(())
}

type Index<'a> = BTreeMap<(Hotkey, &'a EnvId, u32), &'a EpisodeResult>;

/// The results that are final and not the platform's fault, by what they belong to.
fn index_results<'a>(
    contest: &'a Contest,
    miners: &[MinerEntry],
    results: &'a [EpisodeResult],
) -> Result<Index<'a>, ScoreError> {
    let hotkeys: BTreeSet<Hotkey> = miners.iter().map(|miner| miner.hotkey).collect();
    let environments: BTreeSet<&EnvId> = contest.environments.iter().collect();
    let mut seen = BTreeSet::new();
    let mut index = Index::new();
    for result in results {
        let (hotkey, environment) = (result.hotkey, &result.environment);
        if !hotkeys.contains(&hotkey) {
            return Err(ScoreError::UnknownMiner(hotkey));
        }
        if !environments.contains(environment) {
            return Err(ScoreError::UnknownEnvironment(environment.clone()));
        }
        if result.index >= contest.episodes_per_env {
            return Err(ScoreError::IndexOutOfRange {
                environment: environment.clone(),
                index: result.index,
                episodes: contest.episodes_per_env,
            });
        }
        let key = (hotkey, environment, result.index);
        if !seen.insert(key) {
            let (environment, index) = (environment.clone(), result.index);
            return Err(ScoreError::RepeatedResult { hotkey, environment, index });
        }
        if is_the_miners_own(result)? {
            index.insert(key, result);
        }
    }
    Ok(index)
}

/// Whether the episode ended by what the policy did.
fn is_the_miners_own(result: &EpisodeResult) -> Result<bool, ScoreError> {
    let contradictory = |why| {
        Err(ScoreError::BadResult {
            hotkey: result.hotkey,
            environment: result.environment.clone(),
            index: result.index,
            why,
        })
    };
    if !result.reward.is_finite() {
        return contradictory("its reward is not a finite number");
    }
    match (result.outcome, result.fault) {
        (Outcome::Success | Outcome::Failure, None) => Ok(true),
        (Outcome::Success | Outcome::Failure, Some(_)) => contradictory("it ran to its end and yet names a fault"),
        (Outcome::Faulted, Some(fault)) => Ok(fault.party() == Party::Miner),
        (Outcome::Faulted, None) => contradictory("it was broken off and names no fault"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FaultReason;

    const REACH: &str = "metaworld/reach-v3";

    fn contest() -> Contest {
        let environments = vec![REACH.parse().unwrap(), "metaworld/push-v3".parse().unwrap()];
        Contest { environments, episodes_per_env: 4, ..Contest::default() }
    }

    fn miners() -> Vec<MinerEntry> {
        (1..=2).map(|uid| MinerEntry { uid: Uid(uid), hotkey: Hotkey([uid as u8; 32]), block: 100 }).collect()
    }

    fn result(miner: u8, environment: &EnvId, index: u32) -> EpisodeResult {
        EpisodeResult {
            hotkey: Hotkey([miner; 32]),
            environment: environment.clone(),
            index,
            outcome: if miner == 1 { Outcome::Success } else { Outcome::Failure },
            fault: None,
            reward: f64::from(index),
        }
    }

    fn all_results(contest: &Contest) -> Vec<EpisodeResult> {
        let mut results = Vec::new();
        for environment in &contest.environments {
            for index in 0..contest.episodes_per_env {
                results.extend([result(1, environment, index), result(2, environment, index)]);
            }
        }
        results
    }

    fn fail(result: &mut EpisodeResult, reason: FaultReason) {
        (result.outcome, result.fault) = (Outcome::Faulted, Some(Fault::new(reason)));
    }

    fn of<'a>(scores: &'a [MinerScore], miner: usize, environment: &str) -> &'a EnvironmentScore {
        scores[miner].environments.iter().find(|score| score.environment.as_str() == environment).unwrap()
    }

    #[test]
    fn episodes_that_were_only_promised_cost_nothing() {
        let contest = Contest { episodes_per_env: u32::MAX, ..contest() };
        assert_eq!(aggregate(&contest, &[], &[]).unwrap(), []);
        let reach: EnvId = REACH.parse().unwrap();
        let one_each = [result(1, &reach, 4_000_000_000), result(2, &reach, 4_000_000_000)];
        let scores = aggregate(&contest, &miners(), &one_each).unwrap();
        assert_eq!((of(&scores, 0, REACH).episodes, of(&scores, 0, REACH).left_out), (1, u32::MAX - 1));
    }

    #[test]
    fn more_miners_than_any_subnet_has_are_refused() {
        let miners = (0..=MAX_MINERS as u16).map(|uid| {
            let mut hotkey = [0; 32];
            hotkey[..2].copy_from_slice(&uid.to_le_bytes());
            MinerEntry { uid: Uid(uid), hotkey: Hotkey(hotkey), block: 1 }
        });
        let refused = aggregate(&contest(), &miners.collect::<Vec<_>>(), &[]);
        assert_eq!(refused.unwrap_err(), ScoreError::TooManyMiners(MAX_MINERS + 1));
    }

    #[test]
    fn complete_results_give_plain_rates() {
        let contest = contest();
        let scores = aggregate(&contest, &miners(), &all_results(&contest)).unwrap();
        let reach = of(&scores, 0, REACH);
        assert_eq!((reach.episodes, reach.successes, reach.failed, reach.left_out), (4, 4, 0, 0));
        assert_eq!((reach.rate, reach.mean_reward), (1.0, 1.5));
        assert_eq!(of(&scores, 1, REACH).rate, 0.0);
    }

    #[test]
    fn a_platform_fault_of_one_leaves_the_episode_out_for_all() {
        let contest = contest();
        for reason in [FaultReason::PlatformOutage, FaultReason::EngineFailure, FaultReason::ChainUnavailable] {
            let mut results = all_results(&contest);
            fail(&mut results[1], reason);
            let scores = aggregate(&contest, &miners(), &results).unwrap();
            for miner in 0..2 {
                assert_eq!((of(&scores, miner, REACH).episodes, of(&scores, miner, REACH).left_out), (3, 1));
                assert_eq!(of(&scores, miner, "metaworld/push-v3").episodes, 4);
            }
            assert_eq!(of(&scores, 0, REACH).rate, 1.0);
        }
    }

    #[test]
    fn a_missing_result_leaves_the_episode_out_for_all() {
        let contest = contest();
        let mut results = all_results(&contest);
        results.remove(3);
        let scores = aggregate(&contest, &miners(), &results).unwrap();
        assert_eq!((of(&scores, 0, REACH).episodes, of(&scores, 1, REACH).episodes), (3, 3));
        assert_eq!(of(&scores, 0, REACH).mean_reward, (0.0 + 2.0 + 3.0) / 3.0);
    }

    #[test]
    fn a_miners_own_fault_counts_as_not_successful() {
        let contest = contest();
        let mut results = all_results(&contest);
        fail(&mut results[0], FaultReason::ResetTimeout);
        let scores = aggregate(&contest, &miners(), &results).unwrap();
        let reach = of(&scores, 0, REACH);
        assert_eq!((reach.episodes, reach.successes, reach.failed, reach.rate), (4, 3, 1, 0.75));
    }

    #[test]
    fn the_order_of_the_results_does_not_matter() {
        let contest = contest();
        let mut results = all_results(&contest);
        let scores = aggregate(&contest, &miners(), &results).unwrap();
        results.reverse();
        let mut reversed = miners();
        reversed.reverse();
        assert_eq!(aggregate(&contest, &reversed, &results).unwrap(), scores);
    }

    #[test]
    fn foreign_repeated_and_contradictory_results_are_refused() {
        let contest = contest();
        let good = all_results(&contest);
        let refused = |change: &dyn Fn(&mut Vec<EpisodeResult>)| {
            let mut results = good.clone();
            change(&mut results);
            aggregate(&contest, &miners(), &results).unwrap_err()
        };
        assert!(matches!(refused(&|r| r[0].hotkey = Hotkey([9; 32])), ScoreError::UnknownMiner(_)));
        assert!(matches!(
            refused(&|r| r[0].environment = "metaworld/door-open-v3".parse().unwrap()),
            ScoreError::UnknownEnvironment(_)
        ));
        assert!(matches!(refused(&|r| r[0].index = 4), ScoreError::IndexOutOfRange { .. }));
        assert!(matches!(refused(&|r| r.push(r[0].clone())), ScoreError::RepeatedResult { .. }));
        assert!(matches!(refused(&|r| r[0].reward = f64::NAN), ScoreError::BadResult { .. }));
        assert!(matches!(refused(&|r| r[0].outcome = Outcome::Faulted), ScoreError::BadResult { .. }));
        let fault = Some(Fault::new(FaultReason::Unreachable));
        assert!(matches!(refused(&|r| r[0].fault = fault), ScoreError::BadResult { .. }));
    }
}
