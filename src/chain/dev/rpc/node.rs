//! What the node knows and does, without its sockets.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::super::ChainError;
use super::super::clock::now_ms;
use super::super::view::hash_of;
use super::super::{DevChain, DevFault};
use super::DevNodeFault;
use super::extrinsic::{self, Call};
use super::ledger::{Included, Ledger, Numbers};
use super::refusals::{PoolRefusal, dispatch_name, events, pool_code};
use super::runtime::{DevRuntime, Running};
use super::storage::{Storage, storage};
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid};

/// Version of the form of committed weights.
const COMMITTED_FORM: u16 = 4;
/// Longest time between two looks at the chain's clock.
const LONGEST_LOOK: Duration = Duration::from_millis(100);

/// The node behind its sockets.
pub(super) struct Node {
    pub(super) chain: DevChain,
    /// The runtimes, each with the first block that it makes.
    runtimes: Mutex<Vec<(BlockNumber, Arc<Running>)>>,
    numbers: Mutex<Numbers>,
    ledger: Mutex<Ledger>,
    faults: Mutex<Faults>,
}

/// Faults that are still to come.
#[derive(Default)]
struct Faults {
    pool: VecDeque<PoolRefusal>,
    dispatch: VecDeque<(String, String)>,
    stolen_nonces: u32,
    kept_states: Option<u64>,
    kept_bodies: Option<u64>,
    wavers: bool,
    bodies_refused: Option<(i32, String)>,
    statuses: VecDeque<String>,
    page_limit: Option<usize>,
    keys_shown: Option<usize>,
    longer_keys: usize,
    endless_keys: bool,
    refuses_lists: bool,
    far_head: Option<u64>,
    hides_last_value: bool,
    commit_version: Option<u16>,
    time_ahead_s: i64,
    awaits_finality: bool,
    silent: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether bytes have the form of locked weights: a point of 96 bytes, then four byte strings after their lengths.
fn is_locked(commit: &[u8]) -> bool {
    let Some((_, mut rest)) = commit.split_at_checked(96) else { return false };
    let mut next = || {
        let (length, after) = rest.split_first_chunk()?;
        let (part, after) = after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        rest = after;
        Some(part)
    };
    let parts = [next(), next(), next(), next()];
    let [Some(v), Some(w), Some(_), Some(suite)] = parts else { return false };
    v.len() == 32 && w.len() == 32 && suite == b"AES_GCM_" && rest.is_empty()
}

impl Node {
    pub(super) fn new(chain: DevChain, runtime: &DevRuntime) -> Result<Node, ChainError> {
        let running = Arc::new(Running::new(runtime, chain.shared.genesis)?);
        let runtimes = Mutex::new(vec![(BlockNumber(0), running)]);
        let (numbers, ledger, faults) = Default::default();
        Ok(Node { chain, runtimes, numbers, ledger, faults })
    }

    /// Lets the next block be made by another runtime.
    pub(super) fn upgrade(&self, runtime: &DevRuntime) -> Result<(), ChainError> {
        let running = Arc::new(Running::new(runtime, self.genesis())?);
        let next = BlockNumber(self.heads()?.0.0 + 1);
        lock(&self.runtimes).push((next, running));
        Ok(())
    }

    pub(super) fn inject(&self, fault: DevNodeFault) {
        let mut faults = lock(&self.faults);
        match fault {
            DevNodeFault::RefuseAtPool { code, data } => faults.pool.push_back(PoolRefusal { code, data }),
            DevNodeFault::FailInBlock { pallet, error } => faults.dispatch.push_back((pallet, error)),
            DevNodeFault::StealNonce { times } => faults.stolen_nonces = times,
            DevNodeFault::ForgetStates { kept_blocks } => faults.kept_states = Some(kept_blocks),
            DevNodeFault::ShortPages { keys } => faults.page_limit = Some(keys),
            DevNodeFault::HideKeys { shown } => faults.keys_shown = Some(shown),
            DevNodeFault::LongKeys { bytes } => faults.longer_keys = bytes,
            DevNodeFault::EndlessKeys => faults.endless_keys = true,
            DevNodeFault::RefuseLists => faults.refuses_lists = true,
            DevNodeFault::FarHead { number } => faults.far_head = Some(number),
            DevNodeFault::WrongTime { ahead_s } => faults.time_ahead_s = ahead_s,
            DevNodeFault::HideLastValue => faults.hides_last_value = true,
            DevNodeFault::CommitVersion { version } => faults.commit_version = Some(version),
            DevNodeFault::AwaitFinality => faults.awaits_finality = true,
            DevNodeFault::TellInstead { status } => faults.statuses.push_back(status),
            DevNodeFault::RefuseBodies { code, message } => faults.bodies_refused = Some((code, message)),
            DevNodeFault::Waver => faults.wavers = true,
            DevNodeFault::TellBodies => faults.bodies_refused = None,
            DevNodeFault::ForgetBodies { kept_blocks } => faults.kept_bodies = Some(kept_blocks),
            DevNodeFault::Silence => faults.silent = true,
            DevNodeFault::Speech => faults.silent = false,
        }
    }

    /// The version of committed weights that the chain takes.
    fn commit_version(&self) -> u16 {
        lock(&self.faults).commit_version.unwrap_or(COMMITTED_FORM)
    }

    pub(super) fn is_silent(&self) -> bool {
        lock(&self.faults).silent
    }

    /// Most keys of a page, and how many of a list are told at all.
    pub(super) fn list_limits(&self) -> (usize, usize) {
        let faults = lock(&self.faults);
        (faults.page_limit.unwrap_or(usize::MAX), faults.keys_shown.unwrap_or(usize::MAX))
    }

    /// Bytes that storage keys have too many.
    pub(super) fn longer_keys(&self) -> usize {
        lock(&self.faults).longer_keys
    }

    pub(super) fn refuses_lists(&self) -> bool {
        lock(&self.faults).refuses_lists
    }

    /// The number that a block's header tells.
    pub(super) fn told_number(&self, block: BlockNumber) -> u64 {
        let far = lock(&self.faults).far_head;
        far.filter(|_| self.heads().is_ok_and(|heads| heads.1 == block)).unwrap_or(block.0)
    }

    pub(super) fn has_endless_keys(&self) -> bool {
        lock(&self.faults).endless_keys
    }

    pub(super) fn hides_last_value(&self) -> bool {
        lock(&self.faults).hides_last_value
    }

    /// What the chain's own faults mean for what the node remembers.
    pub(super) fn fork(&self) -> Result<(), ChainError> {
        self.chain.inject(DevFault::Fork)?;
        let finalized = self.heads()?.1;
        lock(&self.ledger).drop_above(finalized);
        Ok(())
    }

    pub(super) fn genesis(&self) -> BlockHash {
        self.chain.shared.genesis
    }

    /// The newest block and the newest final one.
    pub(super) fn heads(&self) -> Result<(BlockNumber, BlockNumber), ChainError> {
        self.chain.shared.heads()
    }

    pub(super) fn hash_of(&self, number: BlockNumber) -> BlockHash {
        hash_of(&self.genesis(), number)
    }

    /// The block with this hash, or the newest one.
    pub(super) fn block(&self, hash: Option<BlockHash>) -> Result<Option<BlockRef>, ChainError> {
        let newest = self.heads()?.0;
        let number = match hash {
            None => Some(newest),
            Some(hash) => lock(&self.numbers).find(&self.genesis(), &hash, newest),
        };
        Ok(number.map(|number| BlockRef { number, hash: self.hash_of(number) }))
    }

    /// Whether the state of the block is gone.
    pub(super) fn is_forgotten(&self, block: BlockNumber) -> Result<bool, ChainError> {
        let kept = lock(&self.faults).kept_states;
        Ok(self.is_below(block, kept))
    }

    fn is_below(&self, block: BlockNumber, kept: Option<u64>) -> bool {
        kept.is_some_and(|kept| block.0 + kept < self.heads().map_or(u64::MAX, |heads| heads.1.0))
    }

    /// The status that is told of the next transaction in place of what becomes of it.
    pub(super) fn told_instead(&self) -> Option<String> {
        lock(&self.faults).statuses.pop_front()
    }

    /// Whether the next transaction's watcher never hears the end.
    pub(super) fn wavers(&self) -> bool {
        std::mem::take(&mut lock(&self.faults).wavers)
    }

    /// Code and message with which bodies are refused.
    pub(super) fn refuses_bodies(&self) -> Option<(i32, String)> {
        lock(&self.faults).bodies_refused.clone()
    }

    /// Whether the body of the block is gone.
    pub(super) fn has_no_body(&self, block: BlockNumber) -> bool {
        let kept = lock(&self.faults).kept_bodies;
        self.is_below(block, kept)
    }

    /// The runtime that made a block.
    pub(super) fn running(&self, block: BlockNumber) -> Arc<Running> {
        let runtimes = lock(&self.runtimes);
        let newest = runtimes.iter().rfind(|(first, _)| *first <= block);
        newest.unwrap_or(&runtimes[0]).1.clone()
    }

    pub(super) fn storage(&self, block: BlockNumber) -> Result<Storage, ChainError> {
        let running = self.running(block);
        let ended: Vec<_> = lock(&self.ledger).block(block).iter().map(|included| included.error.clone()).collect();
        let events = events(&running.runtime, &ended)?;
        let ahead_ms = lock(&self.faults).time_ahead_s.saturating_mul(1_000);
        let time_ms = now_ms().saturating_add(ahead_ms).max(0) as u64;
        let commit_version = self.commit_version();
        storage(&running.runtime, &self.chain.shared.view(block)?, block, commit_version, events, time_ms)
    }

    pub(super) fn body(&self, block: BlockNumber) -> Vec<Vec<u8>> {
        lock(&self.ledger).block(block).iter().map(|included| included.bytes.clone()).collect()
    }

    /// The nonce of the signer's next transaction as it stands after a block; without one, after all that it sent.
    pub(super) fn nonce(&self, signer: &Hotkey, at: Option<BlockNumber>) -> u64 {
        lock(&self.ledger).nonce(signer, at.unwrap_or(BlockNumber(u64::MAX)))
    }

    /// Takes a transaction into the next block, or refuses it.
    pub(super) async fn submit(&self, bytes: Vec<u8>) -> Result<BlockNumber, PoolRefusal> {
        let internal = |error: ChainError| PoolRefusal::unreadable(&error.to_string());
        if let Some(refusal) = lock(&self.faults).pool.pop_front() {
            return Err(refusal);
        }
        let newest = self.heads().map_err(internal)?.0;
        let running = self.running(newest);
        let read = extrinsic::read(&running.runtime, &bytes, newest, |number| self.hash_of(number)).await?;
        let mut ledger = lock(&self.ledger);
        if self.is_nonce_stolen() {
            ledger.take_nonce(read.signer);
        }
        match read.nonce.cmp(&ledger.nonce(&read.signer, BlockNumber(u64::MAX))) {
            std::cmp::Ordering::Less => return Err(PoolRefusal::outdated()),
            std::cmp::Ordering::Greater => return Err(PoolRefusal::too_early()),
            std::cmp::Ordering::Equal => {}
        }
        let forced = lock(&self.faults).dispatch.pop_front();
        let (block, error) = match forced {
            Some(error) => (self.next().map_err(internal)?, Some(error)),
            None => match self.apply(read.signer, &read.call) {
                Ok(block) => (block, None),
                Err(error) => {
                    if let Some(code) = pool_code(&error) {
                        return Err(PoolRefusal::custom(code));
                    }
                    let (pallet, error) = dispatch_name(&error);
                    (self.next().map_err(internal)?, Some((pallet.to_owned(), error.to_owned())))
                }
            },
        };
        ledger.include(block, Included { signer: read.signer, bytes, error });
        if self.chain.shared.block_time().map_err(internal)?.is_zero() {
            self.chain.advance(1).map_err(internal)?;
        }
        Ok(block)
    }

    fn is_nonce_stolen(&self) -> bool {
        let mut faults = lock(&self.faults);
        let stolen = faults.stolen_nonces > 0;
        faults.stolen_nonces = faults.stolen_nonces.saturating_sub(1);
        stolen
    }

    fn next(&self) -> Result<BlockNumber, ChainError> {
        Ok(BlockNumber(self.heads()?.0.0 + 1))
    }

    fn apply(&self, signer: Hotkey, call: &Call) -> Result<BlockNumber, ChainError> {
        match call {
            Call::SetCommitment { netuid, data } => self.chain.shared.commit(signer, *netuid, data),
            Call::SetWeights { netuid, weights } => match self.takes_commits(*netuid)? {
                false => self.chain.shared.set_weights(signer, *netuid, weights),
                true => Err(ChainError::CommitRevealNeeded(*netuid)),
            },
            Call::CommitWeights { netuid, commit, version } => {
                if !self.takes_commits(*netuid)? {
                    return Err(ChainError::CommitRevealDisabled(*netuid));
                }
                if *version != self.commit_version() || !is_locked(commit) {
                    return Err(ChainError::Refused("not the form of committed weights".into()));
                }
                // Nobody can open it before its round, and this node hears of no rounds: it counts, and stays closed.
                self.chain.shared.commit_locked(signer, *netuid)
            }
            Call::CommitHash { netuid, hash } => self.chain.shared.commit_hash(signer, *netuid, *hash),
            Call::RevealWeights { netuid, weights } => self.chain.shared.reveal(signer, *netuid, weights),
        }
    }

    fn takes_commits(&self, netuid: Netuid) -> Result<bool, ChainError> {
        let subnets = self.chain.shared.view(self.heads()?.0)?;
        let subnet = subnets.iter().find(|subnet| subnet.netuid == netuid);
        subnet.map(|subnet| subnet.rules.commit_reveal_weights_enabled).ok_or(ChainError::UnknownSubnet(netuid))
    }

    /// Whether a transaction is called final as soon as a block holds it: where blocks come by hand nobody would make the
    /// ones that it waits for.
    pub(super) fn calls_final_at_once(&self) -> Result<bool, ChainError> {
        Ok(self.chain.shared.block_time()?.is_zero() && !lock(&self.faults).awaits_finality)
    }

    /// Waits until the block of a transaction is made, or with `is_final` until it is final. Whether it still holds the
    /// transaction, which a fork may have dropped.
    pub(super) async fn wait_for(
        &self,
        block: BlockNumber,
        transaction: &[u8],
        is_final: bool,
    ) -> Result<bool, ChainError> {
        loop {
            let (newest, finalized) = self.heads()?;
            if !lock(&self.ledger).holds(block, transaction) {
                return Ok(false);
            }
            if block <= if is_final { finalized } else { newest } {
                return Ok(true);
            }
            let look = self.chain.shared.block_time()? / 4;
            tokio::time::sleep(look.clamp(Duration::from_millis(5), LONGEST_LOOK)).await;
        }
    }
}
