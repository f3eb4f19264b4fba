//! Block hashes of the development chain.

use crate::domain::{BlockHash, BlockNumber};

/// Context of the key derivation; a new version of the development chain takes a new context.
const CONTEXT: &str = "kinitro dev block v1";

/// Context of the genesis hashes of development chains.
const GENESIS_CONTEXT: &str = "kinitro dev genesis v1";

/// The name of the development chain that everything uses unless told otherwise.
pub const DEFAULT_DEV_CHAIN: &str = "dev";

/// The genesis hash of the development chain called `name`: `blake3::derive_key("kinitro dev genesis v1", name)`.
pub fn dev_genesis(name: &str) -> BlockHash {
    BlockHash(blake3::derive_key(GENESIS_CONTEXT, name.as_bytes()))
}

/// The hash of block `number` on the development chain with this genesis hash:
/// `blake3::derive_key("kinitro dev block v1", genesis ‖ number u64 LE)`.
///
/// Everybody can compute it for any block, past or future. That is what makes development contests public:
/// a policy of ours can find the seed of its episode, and a miner on a development chain could as well.
pub fn dev_block_hash(genesis: &BlockHash, number: BlockNumber) -> BlockHash {
    let mut material = [0u8; 40];
    material[..32].copy_from_slice(&genesis.0);
    material[32..].copy_from_slice(&number.0.to_le_bytes());
    BlockHash(blake3::derive_key(CONTEXT, &material))
}

#[cfg(test)]
mod tests {
    use super::dev_block_hash;
    use crate::domain::{BlockHash, BlockNumber};

    #[test]
    fn the_derivation_is_pinned() {
        let hash = dev_block_hash(&BlockHash([7; 32]), BlockNumber(1));
        assert_eq!(hash.to_string(), "0x9fd985f36f1c098c9f32a3b7ce005adc41d948249f3abe06671cbb8cf7766f5b");
    }

    #[test]
    fn genesis_and_number_both_matter() {
        let hash = dev_block_hash(&BlockHash([7; 32]), BlockNumber(1));
        assert_ne!(hash, dev_block_hash(&BlockHash([7; 32]), BlockNumber(2)));
        assert_ne!(hash, dev_block_hash(&BlockHash([8; 32]), BlockNumber(1)));
    }
}
