//! The development chain of the demo: everybody registered, every claim dated.

use super::cast::Player;
use crate::admission::{ClaimText, encode_claim};
use crate::beacon::OperatorKey;
use crate::chain::{Chain, ChainError, DevChain, Registration};
use crate::domain::{Netuid, Uid};

/// Blocks between the last claim and the anchor, so that the anchor is final whatever the chain's lag.
const BLOCKS_BEFORE_ANCHOR: u64 = 10;

/// Registers operator, validator and players, and commits each player's claim in a block of its own, in order. Then
/// goes on by `seed` blocks: another seed is another anchor, and so other worlds.
///
/// # Errors
/// [`ChainError`].
pub async fn set(
    chain: &DevChain,
    netuid: Netuid,
    operator: &OperatorKey,
    validator: &OperatorKey,
    players: &[Player],
    seed: u64,
) -> Result<Vec<Uid>, ChainError> {
    chain.register(netuid, &Registration::validator(operator.hotkey()))?;
    chain.register(netuid, &Registration::validator(validator.hotkey()))?;
    let mut uids = Vec::new();
    for player in players {
        uids.push(chain.register(netuid, &Registration::miner(player.hotkey))?);
        chain.advance(1)?;
    }
    for player in players {
        let claim = ClaimText {
            repo: format!("demo/{}", player.name.replace([' ', '.'], "-")),
            // A sha of forty digits that follows from the name; there is no repository behind a mock miner.
            revision: hex::encode(&blake3::hash(player.name.as_bytes()).as_bytes()[..20]),
            deployment: player.url.clone(),
        };
        let data = encode_claim(&claim).expect("a claim of the demo is short and well-formed");
        chain.set_commitment(&player.key, netuid, &data).await?;
        chain.advance(1)?;
    }
    chain.advance(BLOCKS_BEFORE_ANCHOR + seed)?;
    Ok(uids)
}
