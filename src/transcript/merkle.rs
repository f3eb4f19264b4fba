//! A Merkle tree of RFC 6962's shape over blake3, so that one episode can be shown to stand in a signed manifest.
//!
//! Leaf: `blake3(0x00 ‖ bytes)`; node: `blake3(0x01 ‖ left ‖ right)`; a list splits at the largest power of two smaller than its
//! length; the root of an empty list is `blake3("")`.

use serde::{Deserialize, Serialize};

use crate::domain::Digest;

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// Longest path of a proof that is read: a tree of 2⁶³ leaves.
const MAX_PATH: usize = 63;

/// The digest of a leaf.
pub fn leaf_digest(bytes: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[LEAF]);
    hasher.update(bytes);
    Digest(*hasher.finalize().as_bytes())
}

fn node_digest(left: &Digest, right: &Digest) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[NODE]);
    hasher.update(left.as_bytes());
    hasher.update(right.as_bytes());
    Digest(*hasher.finalize().as_bytes())
}

/// The tree with all its nodes, about 64 bytes per leaf.
#[derive(Debug, Clone)]
pub struct MerkleTree {
    /// Level 0 holds the leaves, the last level the root. A node without a right neighbour rises unchanged, which gives the
    /// same tree as splitting at the largest power of two.
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// The tree over these leaves.
    pub fn new<B: AsRef<[u8]>>(leaves: impl IntoIterator<Item = B>) -> MerkleTree {
        let mut level: Vec<Digest> = leaves.into_iter().map(|leaf| leaf_digest(leaf.as_ref())).collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node_digest(left, right),
                    [single] => *single,
                    _ => unreachable!("chunks of two"),
                })
                .collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        MerkleTree { levels }
    }

    /// Number of leaves.
    pub fn size(&self) -> u64 {
        self.levels[0].len() as u64
    }

    /// The digest that stands for all leaves.
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or_else(|| Digest::of(b""))
    }

    /// The proof that leaf `index` is in the tree; `None` when there is no such leaf.
    pub fn proof(&self, index: u64) -> Option<InclusionProof> {
        if index >= self.size() {
            return None;
        }
        let mut place = usize::try_from(index).ok()?;
        let mut path = Vec::new();
        for level in &self.levels[..self.levels.len() - 1] {
            path.extend(level.get(place ^ 1));
            place /= 2;
        }
        Some(InclusionProof { index, size: self.size(), path })
    }
}

/// Shows that a leaf stands at `index` of a list of `size` leaves with a given root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InclusionProof {
    /// Place of the leaf, from 0.
    pub index: u64,
    /// Number of leaves.
    pub size: u64,
    /// Digests beside the way from the leaf up to the root.
    pub path: Vec<Digest>,
}

impl InclusionProof {
    /// Whether `leaf` is at its place under `root` (RFC 9162 §2.1.3.2).
    pub fn holds(&self, leaf: &[u8], root: &Digest) -> bool {
        if self.index >= self.size || self.path.len() > MAX_PATH {
            return false;
        }
        let (mut place, mut last) = (self.index, self.size - 1);
        let mut digest = leaf_digest(leaf);
        for beside in &self.path {
            if last == 0 {
                return false;
            }
            if place % 2 == 1 || place == last {
                digest = node_digest(beside, &digest);
                // A node without a right neighbour rose until it became a right one.
                while place % 2 == 0 && place != 0 {
                    place /= 2;
                    last /= 2;
                }
            } else {
                digest = node_digest(&digest, beside);
            }
            place /= 2;
            last /= 2;
        }
        last == 0 && digest == *root
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 6962 §2.1 word for word.
    fn by_definition(leaves: &[Vec<u8>]) -> Digest {
        match leaves.len() {
            0 => Digest::of(b""),
            1 => leaf_digest(&leaves[0]),
            n => {
                let split = n.next_power_of_two() / 2;
                node_digest(&by_definition(&leaves[..split]), &by_definition(&leaves[split..]))
            }
        }
    }

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|place| format!("leaf {place}").into_bytes()).collect()
    }

    #[test]
    fn roots_are_pinned() {
        let root = |count| MerkleTree::new(leaves(count)).root().to_string();
        assert_eq!(root(0), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
        assert_eq!(root(1), "7e5301b7abde90db1a598d54d0566bc81e482268a7a3c7125fd37d9639b1e21f");
        assert_eq!(root(7), "ec0ea27ffbf1e33d9822e15e018a86ab9c1e5681bf9454795c1beff99ee8eb39");
    }

    #[test]
    fn the_shape_is_rfc_6962s() {
        for count in 0..70 {
            assert_eq!(MerkleTree::new(leaves(count)).root(), by_definition(&leaves(count)), "{count} leaves");
        }
    }

    #[test]
    fn a_node_is_no_leaf() {
        let two = MerkleTree::new(leaves(2));
        let forged = [leaf_digest(b"leaf 0").0, leaf_digest(b"leaf 1").0].concat();
        assert_ne!(MerkleTree::new([forged]).root(), two.root());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

        #[test]
        fn every_proof_holds_for_its_own_leaf_place_and_root_alone(count in 1usize..200, at: prop::sample::Index, other: u64, flip: prop::sample::Index) {
            let leaves = leaves(count);
            let tree = MerkleTree::new(&leaves);
            let index = at.index(count);
            let proof = tree.proof(index as u64).unwrap();
            prop_assert!(proof.holds(&leaves[index], &tree.root()));
            prop_assert!(!proof.holds(b"another leaf", &tree.root()));
            prop_assert!(!proof.holds(&leaves[index], &Digest([7; 32])));
            let place = other % (2 * count as u64);
            if place != index as u64 {
                let elsewhere = InclusionProof { index: place, ..proof.clone() };
                prop_assert!(!elsewhere.holds(&leaves[index], &tree.root()));
            }
            if !proof.path.is_empty() {
                let mut changed = proof.clone();
                let step = flip.index(changed.path.len());
                changed.path[step].0[0] ^= 1;
                prop_assert!(!changed.holds(&leaves[index], &tree.root()));
                changed = proof.clone();
                changed.path.pop();
                prop_assert!(!changed.holds(&leaves[index], &tree.root()));
            }
            let mut longer = proof;
            longer.path.push(Digest::ZERO);
            prop_assert!(!longer.holds(&leaves[index], &tree.root()));
        }
    }

    #[test]
    fn there_is_no_proof_beyond_the_end() {
        assert_eq!(MerkleTree::new(leaves(3)).proof(3), None);
        assert_eq!(MerkleTree::new(leaves(0)).proof(0), None);
    }
}
