//! Finds the seed of an episode where the beacon is public.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{KnownWorld, SeedSource};
use crate::beacon::{BeaconOutput, cycle_seed, dev_block_hash, dev_output, episode_seed, policy_seed};
use crate::domain::{BlockHash, BlockNumber, CycleId, Hotkey, Randomisation};
use crate::policy::wire::TaskConfig;

/// Blocks that are searched, from the newest anchor known, or from genesis.
const BLOCKS_AHEAD: u64 = 8192;
/// Cycles that are searched, from the newest one known, or from the first.
const CYCLES_AHEAD: u64 = 64;
/// How far back of the newest hit a search begins, for cycles that overlap.
const LOOK_BACK: u64 = 4;
/// Hits that are tried before searching; the episodes of one cycle share one hit.
const MAX_HITS: usize = 16;

/// Finds the seed of an episode on a development chain, whose blocks and beacons everybody can compute: tries cycles
/// and anchor blocks until the derived policy seed is the one that the reset carried.
///
/// The first search may take some half a million derivations (a second); later ones begin at the newest hit. A
/// policy seed has 31 bits, so a search that goes all the way takes a wrong world for the right one with a
/// probability of 0.03 %; later episodes put it right.
pub struct EpisodeLocator {
    genesis: BlockHash,
    hotkey: Hotkey,
    randomisation: Randomisation,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Beacons of blocks in a row, beginning with block `first`.
    outputs: VecDeque<BeaconOutput>,
    first: u64,
    /// Cycle and anchor block of recent finds, the newest first.
    hits: VecDeque<(u64, u64)>,
}

impl EpisodeLocator {
    /// A locator for the miner with `hotkey` on the development chain with this genesis hash, in contests of this
    /// randomisation, which no reset tells.
    pub fn new(genesis: BlockHash, hotkey: Hotkey, randomisation: Randomisation) -> EpisodeLocator {
        EpisodeLocator { genesis, hotkey, randomisation, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is a cache that is right at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The episode's world if it belongs to this cycle and anchor.
    fn matches(&self, config: &TaskConfig, output: &BeaconOutput, cycle: u64) -> Option<KnownWorld> {
        let seed = episode_seed(&cycle_seed(output, CycleId(cycle)), &config.env_id, config.task_id);
        let world = KnownWorld { seed, randomisation: self.randomisation };
        (policy_seed(&seed, &self.hotkey) == config.seed).then_some(world)
    }

    fn search(&self, state: &mut State, config: &TaskConfig) -> Option<KnownWorld> {
        state.windows().into_iter().find_map(|(cycle, block)| self.search_from(state, config, cycle, block))
    }

    fn search_from(&self, state: &mut State, config: &TaskConfig, cycle: u64, block: u64) -> Option<KnownWorld> {
        for cycle in cycle..=cycle.saturating_add(CYCLES_AHEAD) {
            for block in block..=block.saturating_add(BLOCKS_AHEAD) {
                let output = state.output(block, &self.genesis);
                if let Some(world) = self.matches(config, &output, cycle) {
                    state.remember((cycle, block));
                    return Some(world);
                }
            }
        }
        None
    }
}

impl SeedSource for EpisodeLocator {
    fn find(&self, config: &TaskConfig) -> Option<KnownWorld> {
        // Those that wait here while one searches find its hit.
        let mut state = self.state();
        for (cycle, block) in state.hits.clone() {
            let output = dev_output(&dev_block_hash(&self.genesis, BlockNumber(block)));
            if let Some(world) = self.matches(config, &output, cycle) {
                state.remember((cycle, block));
                return Some(world);
            }
        }
        self.search(&mut state, config)
    }
}

impl State {
    /// Where searches begin, as cycle and block: at the newest cycle known, then at the beginning.
    fn windows(&self) -> Vec<(u64, u64)> {
        let newest = self.hits.iter().max();
        let newest = newest.map(|(cycle, block)| (cycle.saturating_sub(LOOK_BACK), block.saturating_sub(LOOK_BACK)));
        newest.into_iter().chain([(0, 0)]).collect()
    }

    /// The beacon of a block, computed once. Blocks of a window come in a row.
    fn output(&mut self, block: u64, genesis: &BlockHash) -> BeaconOutput {
        if block < self.first || block > self.first + self.outputs.len() as u64 {
            self.outputs.clear();
            self.first = block;
        }
        let at = (block - self.first) as usize;
        if at == self.outputs.len() {
            self.outputs.push_back(dev_output(&dev_block_hash(genesis, BlockNumber(block))));
            if self.outputs.len() as u64 > 2 * BLOCKS_AHEAD {
                let output = self.outputs[at];
                self.outputs.pop_front();
                self.first += 1;
                return output;
            }
        }
        self.outputs[at]
    }

    fn remember(&mut self, hit: (u64, u64)) {
        self.hits.retain(|earlier| *earlier != hit);
        self.hits.push_front(hit);
        self.hits.truncate(MAX_HITS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PolicySeed;

    const GENESIS: BlockHash = BlockHash([3; 32]);
    const HOTKEY: Hotkey = Hotkey([4; 32]);

    /// The reset of an episode, and its world.
    fn reset(cycle: u64, block: u64, index: u32) -> (TaskConfig, KnownWorld) {
        let env = "metaworld/reach-v3".parse().unwrap();
        let output = dev_output(&dev_block_hash(&GENESIS, BlockNumber(block)));
        let seed = episode_seed(&cycle_seed(&output, CycleId(cycle)), &env, index);
        let world = KnownWorld { seed, randomisation: Randomisation::Standard };
        (TaskConfig::new(env, policy_seed(&seed, &HOTKEY), index), world)
    }

    #[test]
    fn episodes_of_later_and_later_cycles_are_found() {
        let locator = EpisodeLocator::new(GENESIS, HOTKEY, Randomisation::Standard);
        for (cycle, block) in [(1, 700), (2, 1_400), (2, 1_400), (1, 700), (3, 9_000), (5, 17_000), (6, 17_001)] {
            for index in 0..3 {
                let (config, world) = reset(cycle, block, index);
                assert!(locator.find(&config) == Some(world), "cycle {cycle} at block {block}");
            }
        }
    }

    #[test]
    fn what_no_beacon_gives_is_not_found() {
        let locator = EpisodeLocator::new(GENESIS, Hotkey([5; 32]), Randomisation::None);
        let (mut config, _) = reset(1, 20, 0);
        config.seed = PolicySeed(u32::MAX);
        assert!(locator.find(&config).is_none());
    }
}
