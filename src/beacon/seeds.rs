//! From the beacon to the seed of each episode and the seed that its miner is told.

use super::BeaconOutput;
use crate::domain::{CycleId, CycleSeed, EnvId, EpisodeSeed, Hotkey, PolicySeed};

/// Context of [`cycle_seed`].
const CYCLE_CONTEXT: &str = "kinitro cycle seed v1";
/// First bytes hashed by [`episode_seed`].
const EPISODE_LABEL: &[u8] = b"episode";
/// Context of [`policy_seed`].
const POLICY_CONTEXT: &str = "kinitro policy seed v1";

/// `blake3::derive_key("kinitro cycle seed v1", output (32) ‖ cycle number (u64 LE))`.
pub fn cycle_seed(output: &BeaconOutput, cycle: CycleId) -> CycleSeed {
    let mut material = [0u8; 40];
    material[..32].copy_from_slice(&output.0);
    material[32..].copy_from_slice(&cycle.0.to_le_bytes());
    CycleSeed(blake3::derive_key(CYCLE_CONTEXT, &material))
}

/// `blake3::keyed_hash(cycle seed, "episode" ‖ environment id (UTF-8) ‖ 0x00 ‖ index (u32 LE))`.
///
/// No miner enters it: episode `index` of an environment is the same world for all.
pub fn episode_seed(cycle: &CycleSeed, environment: &EnvId, index: u32) -> EpisodeSeed {
    let mut hasher = blake3::Hasher::new_keyed(&cycle.0);
    hasher.update(EPISODE_LABEL);
    hasher.update(environment.as_str().as_bytes());
    hasher.update(&[0]);
    hasher.update(&index.to_le_bytes());
    EpisodeSeed(*hasher.finalize().as_bytes())
}

/// The first 4 bytes (u32 LE) of `blake3::derive_key("kinitro policy seed v1", episode seed (32) ‖ hotkey (32))` without
/// the highest bit. One-way: it tells a miner nothing about the world.
pub fn policy_seed(episode: &EpisodeSeed, hotkey: &Hotkey) -> PolicySeed {
    let mut material = [0u8; 64];
    material[..32].copy_from_slice(&episode.0);
    material[32..].copy_from_slice(&hotkey.0);
    let hash = blake3::derive_key(POLICY_CONTEXT, &material);
    PolicySeed(u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]]) & 0x7fff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::beacon::dev_output;
    use crate::domain::BlockHash;

    #[test]
    fn every_value_of_the_chain_is_pinned() {
        let output = dev_output(&BlockHash([0x11; 32]));
        let cycle = cycle_seed(&output, CycleId(7));
        let episode = episode_seed(&cycle, &"metaworld/reach-v3".parse().unwrap(), 3);
        let policy = policy_seed(&episode, &Hotkey([0x22; 32]));
        assert_eq!(output.to_hex(), "e761e6f0e3d4db8328838d8aea5b9510b63cff112eb852852bf8596433ba09dd");
        assert_eq!(cycle.to_hex(), "189421d54891a356938c923b36eb6f97bdb37b8cdde990ebc628d14fc20f5998");
        assert_eq!(episode.to_hex(), "55fee15f4bddd9d786fdcf24ef721eb131b73945238d94a5ea6ad550a7280369");
        assert_eq!(policy.0, 0x4092d996);
    }

    #[test]
    fn seeds_differ_by_cycle_environment_index_and_miner() {
        let output = BeaconOutput([5; 32]);
        let (one, two) = (cycle_seed(&output, CycleId(1)), cycle_seed(&output, CycleId(2)));
        assert_ne!(one, two);
        let reach: EnvId = "metaworld/reach-v3".parse().unwrap();
        let push: EnvId = "metaworld/push-v3".parse().unwrap();
        let first = episode_seed(&one, &reach, 0);
        assert_ne!(first, episode_seed(&one, &push, 0));
        assert_ne!(first, episode_seed(&one, &reach, 1));
        assert_ne!(policy_seed(&first, &Hotkey([1; 32])), policy_seed(&first, &Hotkey([2; 32])));
    }

    #[test]
    fn policy_seeds_are_31_bits() {
        for byte in 0..=255 {
            assert!(policy_seed(&EpisodeSeed([byte; 32]), &Hotkey([byte; 32])).0 < 1 << 31);
        }
    }
}
