//! What can be wrong with a beacon or a key.

/// A beacon or key that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// The VRF proof does not belong to this operator, output and input.
    #[error(
        "the beacon's VRF proof does not hold for operator {operator} at block {block}: the output was not made by \
         this key from this anchor; check the genesis hash, netuid and block hash"
    )]
    ProofRefused {
        /// Who is said to have made it, as an ss58 address.
        operator: String,
        /// Number of the anchor block.
        block: u64,
    },
    /// A development beacon is a plain hash of the block, and this one is another.
    #[error("the development beacon does not follow from the hash of block {block}")]
    DevOutputDiffers {
        /// Number of the anchor block.
        block: u64,
    },
    /// 64 bytes that are no sr25519 secret key.
    #[error(
        "not an sr25519 secret key: expected the 64 bytes of schnorrkel's own form, as in a wallet file's privateKey"
    )]
    NotASecretKey,
}
