//! What the roles know of a chain.

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{ChainError, Hyperparameters, Neuron, RawCommitment, Receipt, WeightSubmission, WeightsReceipt};
use crate::beacon::OperatorKey;
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid, Uid};

/// The answer of a chain, some time later.
pub type ChainFuture<'a, T> = BoxFuture<'a, Result<T, ChainError>>;

/// Access to one chain. Everything that is read is read at one finalized block, so that two reads of one cycle cannot
/// contradict each other, and so that anybody can read the same again.
pub trait Chain: Send + Sync {
    /// The network's name for people, such as `finney`, `test`, `local` or `dev`.
    fn network(&self) -> &str;

    /// The hash of block 0: the chain's identity.
    fn genesis(&self) -> BlockHash;

    /// The newest finalized block.
    fn finalized_head(&self) -> ChainFuture<'_, BlockRef>;

    /// The hash of a finalized block. [`ChainError::NotFinalized`] above the finalized head, where it may still change.
    fn block_hash(&self, number: BlockNumber) -> ChainFuture<'_, BlockHash>;

    /// When a block was made, where the chain tells it: development chains do not.
    fn time_at<'a>(&'a self, at: &'a BlockRef) -> ChainFuture<'a, Option<Timestamp>>;

    /// Every registered neuron of the subnet at that block, by uid.
    fn neurons_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Vec<Neuron>>;

    /// Every commitment of the subnet that stood at that block, by hotkey: each hotkey's newest. Commitments outlive
    /// registrations; [`submissions`](super::submissions) joins them with the neurons.
    fn commitments_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Vec<RawCommitment>>;

    /// The subnet's rules at that block.
    fn hyperparameters_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Hyperparameters>;

    /// The hotkey of the subnet's owner at that block, where the chain names one.
    fn owner_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Option<Hotkey>>;

    /// The weights that the neuron had set at that block, by uid; none if it never did.
    fn weights_at<'a>(&'a self, netuid: Netuid, uid: Uid, at: &'a BlockRef) -> ChainFuture<'a, Vec<(Uid, u16)>>;

    /// Overwrites the signer's commitment in the subnet. Returns once a final block holds it.
    fn set_commitment<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        data: &'a [u8],
    ) -> ChainFuture<'a, Receipt>;

    /// Sets the signer's weights in the subnet, in the form that the subnet takes. Each uid must be held by its holder at
    /// the newest block. Returns once a final block holds them.
    fn submit_weights<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        weights: &'a WeightSubmission,
    ) -> ChainFuture<'a, WeightsReceipt>;

    /// Opens weights of the signer that stand on the chain as a hash ([`WeightsForm::Hashed`](super::WeightsForm)), the
    /// salt included: the same submission that was sent. [`ChainError::NotInRevealRange`]: wait for the epoch;
    /// [`ChainError::CommitNotFound`]: they are gone, or were never committed.
    fn reveal_weights<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        weights: &'a WeightSubmission,
    ) -> ChainFuture<'a, Receipt>;
}
