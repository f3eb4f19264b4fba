//! Why a chain did not do what was asked, and what to do then.

use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid, Uid};

/// The one error of the chain's row. Refusals of a node, whether they come from its pool or from a dispatched call, are
/// the same variants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The connection is gone. Nothing is known about a write that was under way.
    #[error("the connection to the chain is lost ({0}); it is tried again")]
    Disconnected(String),
    /// There never was one.
    #[error(
        "no connection to the chain was made ({0}); check that a node runs there, and the address (--network, [chain] endpoints)"
    )]
    NoConnection(String),
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
    /// It is not said who earned the weight of a uid.
    #[error("nobody is named who earned the weight of uid {0}; name a holder for each uid")]
    HolderUnknown(Uid),
    /// A uid is not held by whom its weight was earned by.
    #[error(
        "uid {uid} is no longer held by {expected}, who earned its weight, but {}; the neurons are read again",
        .found.map_or("is free".to_owned(), |hotkey| format!("by {hotkey}"))
    )]
    UidChangedHands {
        /// The uid.
        uid: Uid,
        /// Who earned its weight.
        expected: Hotkey,
        /// Who holds it; nobody where it is free.
        found: Option<Hotkey>,
    },
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
    #[error(
        "version key {given} is below the {needed} that the subnet asks for; update kinitro, or set [validator] version_key"
    )]
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
    /// The runtime lacks something that this program uses.
    #[error("runtime {spec_version} of the chain lacks {}; update kinitro", .missing.join(", "))]
    Incompatible {
        /// Version of the runtime.
        spec_version: u32,
        /// What it lacks.
        missing: Vec<String>,
    },
    /// The runtime describes something that is to be signed otherwise than this program knows it.
    #[error(
        "runtime {spec_version} describes {what} in a form that this program does not know, so nothing is signed; \
         update kinitro, or use another endpoint"
    )]
    UnknownForm {
        /// Version of the runtime.
        spec_version: u32,
        /// What has the unknown form.
        what: String,
    },
    /// This machine's clock and the chain's are apart.
    #[error(
        "this machine's clock and the time of the chain's newest block are {seconds} s apart, so no time can be chosen \
         at which the weights may be opened; set the clock (NTP), or wait if the chain stands"
    )]
    ClocksApart {
        /// How far.
        seconds: u64,
    },
    /// The node answered something that is no answer.
    #[error("the node's answer cannot be read ({0}); use another endpoint, and report this if it stays")]
    Unreadable(String),
    /// The endpoints in the settings are none.
    #[error("{0}; write wss://host:port, or ws://host:port for a node of your own")]
    BadEndpoint(String),
    /// Something is to be signed for a chain that the settings do not identify.
    #[error(
        "nothing is signed for a chain that is not confirmed; if {found} is its genesis hash, name it in the settings"
    )]
    UnconfirmedGenesis {
        /// What the endpoint says.
        found: BlockHash,
    },
    /// Another transaction of the same key took the place of this one.
    #[error("another transaction of hotkey {0} took the place of this one; let one program use it, and try again")]
    NonceTaken(Hotkey),
    /// The node has this very transaction already, from an earlier try whose fate is not known.
    #[error("this very transaction waits in the node's pool already; look at the chain before sending it again")]
    AlreadyInPool,
    /// The node does not look at this transaction for a while.
    #[error("the node's pool dropped this transaction before and bans it for now; wait, or use another endpoint")]
    TemporarilyBanned,
    /// A transaction was sent and no block came that holds it.
    #[error("no block took the transaction within {seconds} s; look at the chain before sending it again")]
    NotIncluded {
        /// How long it was waited for.
        seconds: u64,
    },
    /// A block holds a transaction and does not become final.
    #[error(
        "block {block} holds the transaction and was not final within {seconds} s; look at the chain before sending again"
    )]
    NotFinal {
        /// The block.
        block: BlockNumber,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A transaction was sent, and what became of it could not be learnt.
    #[error("nobody can say what became of the transaction ({cause}); look at the chain before sending it again")]
    FateUnknown {
        /// What stood in the way.
        cause: String,
    },
    /// An earlier transaction of the same hotkey, of which nobody knows what became, may still be taken.
    #[error("an earlier transaction of this hotkey may still be taken; wait until it is, or {blocks_left} blocks")]
    StillUnderWay {
        /// Blocks until it can no longer be taken.
        blocks_left: u64,
    },
    /// The subnet takes weights by commit and reveal only.
    #[error("subnet {0} takes weights by commit and reveal since a moment ago; try again")]
    CommitRevealNeeded(Netuid),
    /// The subnet takes plain weights only.
    #[error("subnet {0} takes weights without commit and reveal since a moment ago; try again")]
    CommitRevealDisabled(Netuid),
    /// Weights were committed for a reveal that lies in the past.
    #[error("the reveal round of the committed weights is past; check this machine's clock, and commit again")]
    RevealRoundPast,
    /// There are no committed weights to reveal.
    #[error("there are no committed weights to reveal, or they expired; commit again")]
    CommitNotFound,
    /// Committed weights cannot be revealed in this epoch.
    #[error("committed weights cannot be revealed in this epoch; wait for the epoch of their reveal")]
    NotInRevealRange,
    /// As many committed weights as the chain keeps of one hotkey wait to be opened.
    #[error("ten commits of weights of this hotkey wait to be opened; reveal them, or wait for the next epoch")]
    TooManyUnrevealedCommits,
    /// The chain refused a call for a reason that this program does not foresee.
    #[error("the chain refused the call: {0}")]
    Refused(String),
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
                | ChainError::NoConnection(_)
                | ChainError::Stalled { .. }
                | ChainError::NotFinalized { .. }
                | ChainError::RateLimited { .. }
                | ChainError::UidChangedHands { .. }
                | ChainError::SpaceLimitExceeded { .. }
                | ChainError::NonceTaken(_)
                | ChainError::AlreadyInPool
                | ChainError::TemporarilyBanned
                | ChainError::ClocksApart { .. }
                | ChainError::NotIncluded { .. }
                | ChainError::NotFinal { .. }
                | ChainError::FateUnknown { .. }
                | ChainError::StillUnderWay { .. }
                | ChainError::NotInRevealRange
                | ChainError::TooManyUnrevealedCommits
                | ChainError::CommitRevealNeeded(_)
                | ChainError::CommitRevealDisabled(_)
                | ChainError::RevealRoundPast
        )
    }

    /// Whether the chain may have taken, or may still take, the transaction of the call that came back with this.
    pub fn is_of_unknown_fate(&self) -> bool {
        matches!(
            self,
            ChainError::Disconnected(_)
                | ChainError::Stalled { .. }
                | ChainError::Unreadable(_)
                | ChainError::NotIncluded { .. }
                | ChainError::NotFinal { .. }
                | ChainError::FateUnknown { .. }
                | ChainError::AlreadyInPool
        )
    }
}
