//! Transactions of unknown fate: sent, and neither seen in a final block nor refused.
//!
//! Such a transaction may be taken as long as it lives. Another one of the same hotkey is not sent meanwhile, for both may
//! be taken then; and the same call is not sent again once it is found to have been taken.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use subxt::config::substrate::H256;
use subxt::ext::codec::Decode;
use subxt::rpcs::methods::legacy::NumberOrHex;

use super::super::{ChainError, WeightsForm};
use super::asked::{Asked, Taken};
use super::link::Link;
use super::signing::MORTAL_BLOCKS;
use super::submit::{Unsent, fate_unknown};
use super::{NodeChain, runtime::unreadable};
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey};

/// A transaction that was sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    /// What it does.
    pub(super) asked: Asked,
    /// How weights go with it.
    pub(super) form: WeightsForm,
    pub(super) nonce: u64,
    /// The block that it is valid from.
    pub(super) birth: BlockNumber,
}

impl Sent {
    /// The last block that may hold it.
    fn last(&self) -> BlockNumber {
        BlockNumber(self.birth.0 + MORTAL_BLOCKS - 1)
    }

    /// Whether it was looked for in vain as long as it lived.
    fn is_long_over(&self, head: BlockRef) -> bool {
        head.number.0 >= self.last().0 + MORTAL_BLOCKS
    }
}

/// The transactions whose fate is not known, one of each hotkey at most.
#[derive(Default)]
pub(super) struct UnderWay(Mutex<BTreeMap<Hotkey, Sent>>);

impl UnderWay {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<Hotkey, Sent>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn begin(&self, hotkey: Hotkey, sent: Sent) {
        self.with(|all| all.insert(hotkey, sent));
    }

    pub(super) fn end(&self, hotkey: &Hotkey) {
        self.with(|all| all.remove(hotkey));
    }

    fn of(&self, hotkey: &Hotkey) -> Option<Sent> {
        self.with(|all| all.get(hotkey).cloned())
    }
}

impl NodeChain {
    /// Looks what became of the hotkey's earlier transaction, if its fate is not known, up to the finalized block `head`.
    /// Returns its block when it did what is asked for now and was taken.
    ///
    /// # Errors
    /// [`ChainError::StillUnderWay`] while it may still be taken; the refusal that the same write met;
    /// [`ChainError::FateUnknown`], once, where the node no longer has what says how the same write ended.
    pub(super) async fn settle(
        &self,
        link: &Arc<Link>,
        head: BlockRef,
        hotkey: Hotkey,
        asked: &Asked,
    ) -> Result<Option<Taken>, Unsent> {
        let Some(sent) = self.under_way.of(&hotkey) else { return Ok(None) };
        let is_over = head.number >= sent.last() || nonce_at(link, head, hotkey).await? > sent.nonce;
        if !is_over {
            return Err(ChainError::StillUnderWay { blocks_left: sent.last().0 - head.number.0 }.into());
        }
        let found = match sent.asked.is_as_good_as(sent.form, asked) {
            true => self.find(link, head, &sent).await,
            false => Ok(None),
        };
        let found = match found {
            Err(Unsent::Error(error)) if !(is_lasting(&error) || sent.is_long_over(head)) => return Err(error.into()),
            Err(Unsent::Error(error)) => Err(fate_unknown(error).into()),
            ended => ended,
        };
        self.under_way.end(&hotkey);
        found.map(|block| block.map(|block| Taken { block, form: sent.form }))
    }

    /// The final block that took a transaction, if one did.
    async fn find(&self, link: &Arc<Link>, head: BlockRef, sent: &Sent) -> Result<Option<BlockNumber>, Unsent> {
        for number in sent.birth.0..=sent.last().min(head.number).0 {
            let hash = link.answer(link.rpc().chain_get_block_hash(Some(NumberOrHex::Number(number)))).await?;
            let hash = hash.ok_or_else(|| unreadable(format!("no hash of block {number}")))?;
            let block = BlockRef { number: BlockNumber(number), hash: BlockHash(hash.0) };
            let body =
                link.answer(link.rpc().chain_get_block(Some(hash))).await.map_err(|failure| failure.at(block))?;
            let body = body.ok_or(ChainError::UnknownBlock(block))?;
            if body.block.extrinsics.iter().any(|other| other.0 == sent.bytes) {
                return self.check_outcome(link, hash, &sent.bytes).await.map(Some);
            }
        }
        Ok(None)
    }
}

/// Whether another look would meet the same: what is missing or not understood stays so.
fn is_lasting(error: &ChainError) -> bool {
    use ChainError::{Incompatible, UnknownBlock, UnknownForm, Unreadable};
    matches!(error, UnknownBlock(_) | Unreadable(_) | UnknownForm { .. } | Incompatible { .. })
}

/// The nonce of the hotkey's next transaction, as it stands after a block.
async fn nonce_at(link: &Link, at: BlockRef, hotkey: Hotkey) -> Result<u64, ChainError> {
    let call = link.rpc().state_call("AccountNonceApi_account_nonce", Some(&hotkey.0), Some(H256(at.hash.0)));
    let answer = link.answer(call).await.map_err(|failure| failure.at(at))?;
    // 4 bytes on every known runtime, 8 where an index is longer.
    let nonce = u64::decode(&mut &answer[..]).or_else(|_| u32::decode(&mut &answer[..]).map(u64::from));
    nonce.map_err(|_| unreadable("no nonce of an account"))
}
