//! A real node's chain as a [`Chain`].

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use subxt::rpcs::methods::legacy::NumberOrHex;

use super::super::{
    Chain, ChainError, ChainFuture, Hyperparameters, Neuron, RawCommitment, Receipt, WeightSubmission, WeightsForm,
    WeightsReceipt, check_weights,
};
use super::asked::{Asked, Taken};
use super::names::{COMMIT_REVEAL_VERSION, HASHED, TIMELOCKED};
use super::refusal::{Facts, Standing};
use super::signing::Payload;
use super::state::State;
use super::submit::Unsent;
use super::{NodeChain, finalized, is_of_the_node, schedule, signing, timelock};
use crate::beacon::OperatorKey;
use crate::domain::{BlockHash, BlockNumber, BlockRef, Hotkey, Netuid, Uid};

/// Version of the form of committed weights that is written.
const COMMITTED_FORM: u16 = 4;

impl Chain for NodeChain {
    fn network(&self) -> &str {
        &self.connector.settings().network
    }

    fn genesis(&self) -> BlockHash {
        self.genesis
    }

    fn finalized_head(&self) -> ChainFuture<'_, BlockRef> {
        Box::pin(self.ask(async { Ok(self.head().await?.1) }))
    }

    fn block_hash(&self, number: BlockNumber) -> ChainFuture<'_, BlockHash> {
        Box::pin(self.ask(async move {
            let link = self.connector.link().await?;
            let finalized = finalized(&link).await?.number;
            if number > finalized {
                return Err(ChainError::NotFinalized { asked: number, finalized });
            }
            let call = link.rpc().chain_get_block_hash(Some(NumberOrHex::Number(number.0)));
            let hash = link.answer(call).await?;
            hash.map(|hash| BlockHash(hash.0))
                .ok_or_else(|| ChainError::Unreadable(format!("{} does not know block {number}", link.address())))
        }))
    }

    fn time_at<'a>(&'a self, at: &'a BlockRef) -> ChainFuture<'a, Option<Timestamp>> {
        Box::pin(self.ask(async move {
            let time_ms = self.final_state(*at).await?.time_ms().await?;
            Ok(time_ms.and_then(|time| Timestamp::from_millisecond(i64::try_from(time).ok()?).ok()))
        }))
    }

    fn neurons_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Vec<Neuron>> {
        Box::pin(self.ask(async move { self.subnet_at(netuid, *at).await?.neurons(netuid).await }))
    }

    fn commitments_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Vec<RawCommitment>> {
        Box::pin(self.ask(async move { self.subnet_at(netuid, *at).await?.commitments(netuid).await }))
    }

    fn hyperparameters_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Hyperparameters> {
        Box::pin(self.ask(async move { self.subnet_at(netuid, *at).await?.rules(netuid).await }))
    }

    fn owner_at<'a>(&'a self, netuid: Netuid, at: &'a BlockRef) -> ChainFuture<'a, Option<Hotkey>> {
        Box::pin(self.ask(async move { self.subnet_at(netuid, *at).await?.owner(netuid).await }))
    }

    fn weights_at<'a>(&'a self, netuid: Netuid, uid: Uid, at: &'a BlockRef) -> ChainFuture<'a, Vec<(Uid, u16)>> {
        Box::pin(self.ask(async move { self.subnet_at(netuid, *at).await?.weights(netuid, uid).await }))
    }

    fn set_commitment<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        data: &'a [u8],
    ) -> ChainFuture<'a, Receipt> {
        Box::pin(async move {
            let taken = self.write(signer, Asked::Commitment(netuid, data.to_vec())).await?;
            Ok(Receipt { block: taken.block })
        })
    }

    fn submit_weights<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        weights: &'a WeightSubmission,
    ) -> ChainFuture<'a, WeightsReceipt> {
        Box::pin(async move {
            let taken = self.write(signer, Asked::Weights(netuid, weights.clone())).await?;
            Ok(WeightsReceipt { block: taken.block, form: taken.form })
        })
    }

    fn reveal_weights<'a>(
        &'a self,
        signer: &'a OperatorKey,
        netuid: Netuid,
        weights: &'a WeightSubmission,
    ) -> ChainFuture<'a, Receipt> {
        Box::pin(async move {
            let taken = self.write(signer, Asked::Reveal(netuid, weights.clone())).await?;
            Ok(Receipt { block: taken.block })
        })
    }
}

impl State {
    /// Checks what the chain would check in the next block. Whether the weights are to be committed first.
    pub(super) async fn check_weights(
        &self,
        netuid: Netuid,
        signer: Hotkey,
        weights: &WeightSubmission,
    ) -> Result<bool, ChainError> {
        self.check_subnet(netuid).await?;
        let rules = self.rules(netuid).await?;
        let next = BlockNumber(self.block.number.0 + 1);
        let (neurons, owner) = (self.neurons(netuid).await?, self.owner(netuid).await?);
        check_weights(netuid, &signer, weights, &neurons, &rules, owner, next)?;
        Ok(rules.commit_reveal_weights_enabled)
    }

    /// The call that commits weights: locked until the chain may open them, or as a hash where the runtime does not take
    /// our form of locked weights.
    pub(super) async fn committed_weights(
        &self,
        netuid: Netuid,
        signer: &Hotkey,
        weights: &WeightSubmission,
    ) -> Result<(WeightsForm, Payload), ChainError> {
        let version: Option<u16> = match self.runtime.takes(&TIMELOCKED) {
            true => Some(self.needed(COMMIT_REVEAL_VERSION, vec![]).await?),
            false => None,
        };
        match version {
            Some(COMMITTED_FORM) => Ok((WeightsForm::Timelocked, self.locked_weights(netuid, signer, weights).await?)),
            _ if self.runtime.takes(&HASHED) => {
                Ok((WeightsForm::Hashed, self.hashed_weights(netuid, signer, weights).await?))
            }
            other => {
                let other = other.unwrap_or(0);
                let why = format!("the chain takes committed weights of version {other}, not {COMMITTED_FORM}");
                Err(ChainError::Refused(format!("{why}; update kinitro")))
            }
        }
    }

    /// The call that commits weights which are locked until the chain may open them.
    async fn locked_weights(
        &self,
        netuid: Netuid,
        signer: &Hotkey,
        weights: &WeightSubmission,
    ) -> Result<Payload, ChainError> {
        let newest = self.block.number.0;
        let reveal = self.epochs(netuid).await?.reveal_block(newest, self.reveal_period(netuid).await?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        schedule::check_clock(now, self.time_ms().await?)?;
        let round = schedule::round(newest, reveal, self.runtime.block_time_s(), now.as_secs_f64())?;
        let locked = timelock::lock(&timelock::payload(signer, weights), round)?;
        Ok(signing::commit_weights(netuid, &locked, round, COMMITTED_FORM))
    }
}

impl NodeChain {
    /// The state of a final block, if the subnet is there.
    async fn subnet_at(&self, netuid: Netuid, at: BlockRef) -> Result<State, ChainError> {
        let state = self.final_state(at).await?;
        state.check_subnet(netuid).await?;
        Ok(state)
    }

    /// Sends what is asked for, unless a block took it before.
    async fn write(&self, signer: &OperatorKey, asked: Asked) -> Result<Taken, ChainError> {
        self.check_may_sign()?;
        match self.send(signer, &asked).await {
            Ok(taken) => Ok(taken),
            Err(unsent) => Err(self.explain(unsent, signer.hotkey(), asked.netuid(), asked.weights()).await),
        }
    }

    /// Puts numbers to a refusal: from our own checks at the newest block where they see the same, and else from what
    /// stands there; none where that cannot be read.
    async fn explain(
        &self,
        unsent: Unsent,
        signer: Hotkey,
        netuid: Netuid,
        weights: Option<&WeightSubmission>,
    ) -> ChainError {
        let refusal = match unsent {
            Unsent::Error(error) => {
                if is_of_the_node(&error)
                    && let Ok(link) = self.connector.link().await
                {
                    self.leave(&link, &error);
                }
                return error;
            }
            Unsent::Refused(refusal) => refusal,
        };
        let read = async {
            let state = self.newest().await?;
            let neurons = state.neurons(netuid).await?;
            let rules = state.rules(netuid).await?;
            let (owner, to_next_epoch) = (state.owner(netuid).await?, state.blocks_to_next_epoch(netuid).await?);
            Ok::<_, ChainError>((state.block.number, neurons, rules, owner, to_next_epoch))
        };
        let unknown = Facts { signer, netuid, weights, standing: None };
        let Ok((block, neurons, rules, owner, blocks_to_next_epoch)) = read.await else {
            return refusal.error(&unknown);
        };
        let next = BlockNumber(block.0 + 1);
        let standing = Standing { neurons: &neurons, rules: &rules, blocks_to_next_epoch, next };
        let plain = refusal.error(&Facts { standing: Some(standing), ..unknown });
        let own = weights.map(|weights| check_weights(netuid, &signer, weights, &neurons, &rules, owner, next));
        match own {
            Some(Err(own)) if std::mem::discriminant(&own) == std::mem::discriminant(&plain) => own,
            _ => plain,
        }
    }
}
