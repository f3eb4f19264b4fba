//! What a true manifest pays goes to the chain, unless it stands there.

use std::collections::BTreeMap;

use super::memory::Earned;
use super::sent::{Sent, Standing};
use super::{Payment, Round, Validator, ValidatorError, Verdict};
use crate::chain::{ChainError, Hyperparameters, Kept, Neuron, WeightSubmission, check_weights, keep_same_hands};
use crate::domain::{BlockNumber, BlockRef, Hotkey, Uid};
use crate::replay::{SignedCycle, scores_of};
use crate::score::{Weights, chain_vector};

/// Of the blocks after which the chain forgets a silent validator, the share after which weights are sent again.
const CUTOFF_SHARE: (u64, u64) = (3, 4);

/// The subnet as the finalized head has it.
pub(super) struct Subnet {
    pub(super) head: BlockRef,
    neurons: Vec<Neuron>,
    rules: Hyperparameters,
    own_uid: Uid,
    pub(super) last_update: Option<BlockNumber>,
}

impl Subnet {
    /// Whether weights of block `set_in` have stood for so long that they are to be sent again.
    pub(super) fn calls_old(&self, set_in: BlockNumber, refresh_after_blocks: u64) -> bool {
        let (part, whole) = CUTOFF_SHARE;
        let limit = refresh_after_blocks.min(self.rules.activity_cutoff_blocks / whole * part);
        is_old(set_in, self.head.number, limit)
    }
}

/// What a manifest pays, by our own computation.
///
/// # Errors
/// A sentence when the scores cannot be computed.
pub(super) fn earned_in(signed: &SignedCycle, verdict: Verdict) -> Result<Earned, String> {
    let manifest = &signed.manifest;
    // The verification has compared the scores; the weights are taken from our own computation all the same.
    let scores = scores_of(&manifest.contest, &manifest.submissions, &manifest.episodes);
    let standing = scores.map_err(|error| format!("the scores cannot be computed: {error}"))?.standing;
    let nobody = standing.reason.map(|reason| reason.sentence().to_owned());
    let weights = if nobody.is_some() { Weights::new() } else { standing.weights };
    let earned_by: BTreeMap<Uid, Hotkey> =
        manifest.submissions.iter().map(|submission| (submission.uid, submission.hotkey)).collect();
    let (cycle, digest, anchor) = (manifest.cycle, signed.digest, manifest.anchor.number);
    Ok(Earned { cycle, digest, anchor, verdict, weights, earned_by, nobody })
}

impl Validator {
    pub(super) async fn subnet(&self) -> Result<Subnet, ChainError> {
        let (netuid, hotkey) = (self.options.netuid, self.key.hotkey());
        let head = self.chain.finalized_head().await?;
        let neurons = self.chain.neurons_at(netuid, &head).await?;
        let rules = self.chain.hyperparameters_at(netuid, &head).await?;
        let own = neurons.iter().find(|neuron| neuron.hotkey == hotkey);
        let own = own.ok_or(ChainError::NotRegistered { hotkey, netuid })?;
        let (own_uid, last_update) = (own.uid, own.last_update);
        Ok(Subnet { head, neurons, rules, own_uid, last_update })
    }

    /// Sends what a cycle pays, without those whose uid has changed hands since. One payment goes after the other: rounds and
    /// upkeep run beside each other.
    pub(super) async fn pay(&self, earned: &Earned) -> Result<Round, ValidatorError> {
        let Earned { cycle, verdict, .. } = *earned;
        let nothing = |reason: String| Ok(Round::NothingToPay { cycle, verdict, reason });
        if let Some(reason) = &earned.nobody {
            return nothing(reason.clone());
        }
        let _turn = self.turn.lock().await;
        if self.memory().earned() != Some(earned) {
            // A newer cycle, or another operator, took its place while this waited for its turn.
            return Ok(Round::NothingNew);
        }
        let subnet = self.subnet().await?;
        let Kept { weights, dropped } = keep_same_hands(&earned.weights, &earned.earned_by, &subnet.neurons);
        if !dropped.is_empty() {
            tracing::warn!(%cycle, ?dropped, "uids that changed hands since the cycle get nothing");
        }
        if weights.is_empty() {
            return nothing("every miner with weight has left the subnet".into());
        }
        let version_key = self.options.version_key;
        let vector = chain_vector(&weights);
        if vector.uids.is_empty() {
            return nothing("those who are left have weights too small for the chain".into());
        }
        let weights = WeightSubmission::new(vector, version_key, &earned.earned_by, draw_salt()?)?;
        let payment = match self.standing(&weights, &subnet).await? {
            Some(payment) => payment,
            None => self.send(earned, &weights, &subnet).await?,
        };
        Ok(Round::Paid { cycle, verdict, weights, payment })
    }

    /// What is there of these weights already; none if they are to be sent.
    async fn standing(&self, weights: &WeightSubmission, subnet: &Subnet) -> Result<Option<Payment>, ChainError> {
        let is_young = |block| !subnet.calls_old(block, self.options.refresh_after_blocks);
        let (standing, is_of_these) = {
            let memory = self.memory();
            let newest = memory.newest_sent();
            let standing = newest.map(|sent| sent.standing(subnet.last_update, subnet.head.number));
            (standing, newest.is_some_and(|sent| sent.is_of(weights)))
        };
        // Of whatever weights: nothing is sent beside what a block may still take.
        if let Some(Standing::UnderWay(until)) = standing {
            return Ok(Some(Payment::UnderWay { until, of_these: is_of_these }));
        }
        let stands = if subnet.rules.commit_reveal_weights_enabled {
            // What is committed cannot be read: our own memory has to say what it was.
            is_of_these && matches!(standing, Some(Standing::Landed(block)) if is_young(block))
        } else {
            self.shows(weights, subnet).await? && subnet.last_update.is_some_and(is_young)
        };
        Ok(stands.then_some(Payment::Stands))
    }

    /// Whether these weights are the validator's open ones on the chain.
    pub(super) async fn shows(&self, weights: &WeightSubmission, subnet: &Subnet) -> Result<bool, ChainError> {
        let there = self.chain.weights_at(self.options.netuid, subnet.own_uid, &subnet.head).await?;
        let wanted = weights.uids.iter().copied().zip(weights.values.iter().copied());
        Ok(there.into_iter().eq(wanted))
    }

    async fn send(
        &self,
        earned: &Earned,
        weights: &WeightSubmission,
        subnet: &Subnet,
    ) -> Result<Payment, ValidatorError> {
        let netuid = self.options.netuid;
        let next = BlockNumber(subnet.head.number.0 + 1);
        let owner = self.chain.owner_at(netuid, &subnet.head).await?;
        let checked = check_weights(netuid, &self.key.hotkey(), weights, &subnet.neurons, &subnet.rules, owner, next);
        if self.options.dry_run {
            let committed_first = subnet.rules.commit_reveal_weights_enabled;
            return Ok(Payment::DryRun { committed_first, obstacle: checked.err().map(|error| error.to_string()) });
        }
        checked?;
        let committed = subnet.rules.commit_reveal_weights_enabled;
        let sent = Sent::now(earned.cycle, weights.clone(), subnet.head.number, committed);
        self.remember(|memory| memory.sends(sent))?;
        match self.chain.submit_weights(&self.key, netuid, weights).await {
            Ok(receipt) => {
                self.remember(|memory| memory.arrived(receipt))?;
                Ok(Payment::Sent { block: receipt.block, form: receipt.form })
            }
            Err(error) => {
                if !error.is_of_unknown_fate() {
                    self.remember(|memory| memory.was_refused())?;
                }
                Err(error.into())
            }
        }
    }
}

fn draw_salt() -> Result<[u16; 8], ValidatorError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| ValidatorError::Randomness(error.to_string()))?;
    Ok(std::array::from_fn(|place| u16::from_le_bytes([bytes[2 * place], bytes[2 * place + 1]])))
}

/// Whether weights of block `set_in` have stood for `limit` blocks at the finalized block `head`.
fn is_old(set_in: BlockNumber, head: BlockNumber, limit: u64) -> bool {
    head.0.saturating_sub(set_in.0) >= limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BlockHash;

    fn subnet(head: u64, activity_cutoff_blocks: u64) -> Subnet {
        Subnet {
            head: BlockRef { number: BlockNumber(head), hash: BlockHash([0; 32]) },
            neurons: Vec::new(),
            rules: Hyperparameters { activity_cutoff_blocks, ..Hyperparameters::default() },
            own_uid: Uid(0),
            last_update: None,
        }
    }

    #[test]
    fn weights_are_old_from_the_limit_on_and_never_before_their_block_is_final() {
        let is_old = |set_in, head| is_old(BlockNumber(set_in), BlockNumber(head), 100);
        assert!(!is_old(50, 149) && is_old(50, 150) && is_old(50, 900));
        assert!(!is_old(50, 50) && !is_old(50, 48));
    }

    #[test]
    fn weights_are_sent_again_before_the_chain_forgets_whatever_the_settings_say() {
        let set_in = BlockNumber(1_000);
        assert!(!subnet(1_299, 400).calls_old(set_in, 3_600) && subnet(1_300, 400).calls_old(set_in, 3_600));
        assert!(!subnet(4_599, 5_000).calls_old(set_in, 3_600) && subnet(4_600, 5_000).calls_old(set_in, 3_600));
    }
}
