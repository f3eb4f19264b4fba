//! Keeps a connection, over several endpoints.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use subxt::rpcs::methods::legacy::NumberOrHex;
use tokio::sync::Mutex;

use super::super::ChainError;
use super::NodeSettings;
use super::link::Link;
use crate::domain::BlockHash;

/// Opens connections, one at a time, and remembers how it went.
pub(super) struct Connector {
    settings: NodeSettings,
    genesis: OnceLock<BlockHash>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    link: Option<Arc<Link>>,
    /// The endpoint to try first.
    next: usize,
    /// Rounds over all endpoints since one could be reached.
    failed_rounds: u32,
    not_before: Option<Instant>,
}

impl Connector {
    pub(super) fn new(settings: NodeSettings) -> Result<Connector, ChainError> {
        if settings.endpoints.is_empty() {
            return Err(ChainError::BadEndpoint("no endpoint is given".into()));
        }
        let genesis = settings.genesis.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Connector { settings, genesis, state: Mutex::default() })
    }

    pub(super) fn settings(&self) -> &NodeSettings {
        &self.settings
    }

    /// The chain's identity, once a node was reached or the settings name it.
    pub(super) fn genesis(&self) -> Option<BlockHash> {
        self.genesis.get().copied()
    }

    /// The connection, or a new one. After a round in which no endpoint could be reached the next round waits.
    pub(super) async fn link(&self) -> Result<Arc<Link>, ChainError> {
        let mut state = self.state.lock().await;
        if let Some(link) = state.link.take_if(|link| link.is_lost()) {
            tracing::warn!(endpoint = link.address(), "the connection to the chain is lost");
            state.next += 1;
        }
        if let Some(link) = &state.link {
            return Ok(link.clone());
        }
        if let Some(instant) = state.not_before {
            tokio::time::sleep_until(instant.into()).await;
        }
        let mut reasons = Vec::new();
        for _ in 0..self.settings.endpoints.len() {
            let address = &self.settings.endpoints[state.next % self.settings.endpoints.len()];
            match self.open(address).await {
                Ok(link) => {
                    tracing::info!(endpoint = link.address(), "connected to the chain");
                    let link = Arc::new(link);
                    *state = State { link: Some(link.clone()), next: state.next, ..State::default() };
                    return Ok(link);
                }
                Err(error) => reasons.push(error),
            }
            state.next += 1;
        }
        state.not_before = Some(Instant::now() + backoff(&self.settings, state.failed_rounds));
        state.failed_rounds += 1;
        Err(together(reasons))
    }

    async fn open(&self, address: &str) -> Result<Link, ChainError> {
        let link = Link::open(address, self.settings.answer_timeout).await?;
        let first = link.answer(link.rpc().chain_get_block_hash(Some(NumberOrHex::Number(0)))).await?;
        let found = first.ok_or_else(|| ChainError::Unreadable(format!("{} knows no block 0", link.address())))?;
        let found = BlockHash(found.0);
        let expected = *self.genesis.get_or_init(|| found);
        if found != expected {
            return Err(ChainError::WrongGenesis { expected, found });
        }
        Ok(link)
    }
}

fn backoff(settings: &NodeSettings, failed_rounds: u32) -> Duration {
    let factor = 1u32.checked_shl(failed_rounds).unwrap_or(u32::MAX);
    settings.first_backoff.saturating_mul(factor).min(settings.longest_backoff)
}

/// One error of several endpoints: the only one, or that none could be reached.
fn together(mut reasons: Vec<ChainError>) -> ChainError {
    if reasons.len() == 1 {
        return reasons.remove(0);
    }
    let reason = |reason: ChainError| match reason {
        ChainError::Disconnected(why) => why,
        other => other.to_string(),
    };
    ChainError::Disconnected(reasons.into_iter().map(reason).collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let settings = NodeSettings::of("local", &[], None).unwrap();
        let waits: Vec<u128> = [0, 1, 2, 6, 7, 40].map(|rounds| backoff(&settings, rounds).as_millis()).into();
        assert_eq!(waits, [250, 500, 1_000, 16_000, 30_000, 30_000]);
    }
}
