//! Why a chain did not do what was asked, and what to do then.

use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid, Uid};

/// The one error of the chain's row. Refusals of a node, whether they come from its pool or from a dispatched call, are
/// the same variants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The connection is gone. Nothing is known about a write that was under way.
    #[error("the connection to the chain is lost ({0}); it is tried again")]
    Disconnected(String),
    /// The finalized head does not move.
    #[error("the chain's finalized head stands at block {block} for {seconds} s; wait, or use another endpoint")]
    Stalled {
        /// Where it stands.
        block: BlockNumber,
        /// For how long.
        seconds: u64,
    },
    /// A block above the finalized head was asked for.
    #[error("block {asked} is not final yet (the finalized head is {finalized}); wait for it")]
    NotFinalized {
        /// The block.
        asked: BlockNumber,
        /// The finalized head.
        finalized: BlockNumber,
    },
    /// The block is not of this chain, or the node no longer knows it.
    #[error("block {} with hash {} is not on this chain, or its state is pruned; check network and genesis, or use an archive endpoint", .0.number, .0.hash)]
    UnknownBlock(BlockRef),
    /// The chain is another one than the settings name.
    #[error("the chain's genesis hash is {found}, not {expected}; check the network and the endpoint")]
    WrongGenesis {
        /// What the settings name.
        expected: BlockHash,
        /// What the endpoint says.
        found: BlockHash,
    },
    /// There is no such subnet.
    #[error("subnet {0} does not exist on this chain; check netuid")]
    UnknownSubnet(Netuid),
    /// The signer has no uid in the subnet.
    #[error("hotkey {hotkey} is not registered in subnet {netuid}; register it first (btcli subnet register)")]
    NotRegistered {
        /// Who signed.
        hotkey: Hotkey,
        /// Where.
        netuid: Netuid,
    },
    /// The subnet has no free uid.
    #[error("subnet {0} has no free uid; deregister somebody first")]
    SubnetFull(Netuid),
    /// Weights were set too recently.
    #[error("weights were set too recently; wait {blocks_left} more blocks")]
    RateLimited {
        /// Blocks until it is allowed.
        blocks_left: u64,
    },
    /// The signer may not set weights.
    #[error("hotkey {0} has no validator permit; it needs more stake than the validators that have one")]
    NoValidatorPermit(Hotkey),
    /// The signer's stake is too small.
    #[error("the stake of {stake_rao} rao is below the {needed_rao} rao that setting weights needs; add stake")]
    StakeTooLow {
        /// What the signer has.
        stake_rao: u64,
        /// What is needed.
        needed_rao: u64,
    },
    /// Uids and values do not pair up.
    #[error("{uids} uids and {values} values were given; there must be one value for each uid")]
    LengthMismatch {
        /// Number of uids.
        uids: usize,
        /// Number of values.
        values: usize,
    },
    /// A uid stands twice.
    #[error("uid {0} stands twice among the weights; name each once")]
    DuplicateUid(Uid),
    /// A uid that the subnet does not have.
    #[error("uid {uid} does not exist in the subnet, which has {neurons} neurons; read the neurons again")]
    UidOutOfRange {
        /// The uid.
        uid: Uid,
        /// Size of the subnet.
        neurons: usize,
    },
    /// Fewer weights than the subnet asks for.
    #[error("{given} weights were given and the subnet asks for at least {needed}; pay more miners (min_weight)")]
    TooFewWeights {
        /// How many were given.
        given: usize,
        /// How many are needed.
        needed: usize,
    },
    /// One weight is too large a share.
    #[error(
        "the weight of uid {uid} is more than {limit} of 65535 of all, the subnet's limit; use a higher temperature"
    )]
    WeightTooLarge {
        /// Whose weight.
        uid: Uid,
        /// The largest share that is allowed.
        limit: u16,
    },
    /// The software is older than the subnet asks for.
    #[error("version key {given} is below the {needed} that the subnet asks for; update kinitro")]
    VersionKeyTooOld {
        /// What was given.
        given: u64,
        /// What is needed.
        needed: u64,
    },
    /// The commitment is longer than a slot.
    #[error("the commitment has {bytes} bytes and the chain takes {limit}; shorten it")]
    CommitmentTooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The signer's space for commitments is used up until the next epoch.
    #[error("the space for commitments of this epoch is used up; wait {blocks_left} blocks for the next epoch")]
    SpaceLimitExceeded {
        /// Blocks until the next epoch.
        blocks_left: u64,
    },
    /// The chain's file cannot be read or written, or is none.
    #[error("the development chain cannot be used: {0}")]
    File(String),
}

impl ChainError {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            ChainError::Disconnected(_)
                | ChainError::Stalled { .. }
                | ChainError::NotFinalized { .. }
                | ChainError::RateLimited { .. }
                | ChainError::SpaceLimitExceeded { .. }
        )
    }
}
