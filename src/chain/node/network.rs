//! Networks by name.

use std::time::Duration;

use crate::domain::BlockHash;

/// Genesis hash of Bittensor's main network.
const FINNEY_GENESIS: [u8; 32] = [
    0x2f, 0x05, 0x55, 0xcc, 0x76, 0xfc, 0x28, 0x40, 0xa2, 0x5a, 0x6e, 0xa3, 0xb9, 0x63, 0x71, 0x46, 0x80, 0x6f, 0x1f,
    0x44, 0xb0, 0x90, 0xc1, 0x75, 0xff, 0xde, 0x2a, 0x7e, 0x5a, 0xb3, 0x6c, 0x03,
];

/// Which chain, through which nodes, and how patiently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSettings {
    /// The network's name for people.
    pub network: String,
    /// Addresses of nodes (`wss://…`, `ws://…`), the preferred one first. When one fails the next one is asked.
    pub endpoints: Vec<String>,
    /// The chain's genesis hash. A node of another chain is never read. Unset: the first node that answers decides
    /// which chain it is, and nothing is signed for it.
    pub genesis: Option<BlockHash>,
    /// Longest wait for one answer. Default 30 s.
    pub answer_timeout: Duration,
    /// Longest wait for a block that holds a transaction. Default 120 s, ten blocks.
    pub inclusion_timeout: Duration,
    /// Wait after the first round in which no node could be reached; doubled each further round. Default 250 ms.
    pub first_backoff: Duration,
    /// Longest such wait. Default 30 s.
    pub longest_backoff: Duration,
}

impl NodeSettings {
    /// A network by its name (`finney`, `test`, `local`), or by the address of a node.
    pub fn named(network: &str) -> NodeSettings {
        let (endpoint, genesis) = match network {
            "finney" => ("wss://entrypoint-finney.opentensor.ai:443", Some(BlockHash(FINNEY_GENESIS))),
            "archive" => ("wss://archive.chain.opentensor.ai:443", Some(BlockHash(FINNEY_GENESIS))),
            "test" => ("wss://test.finney.opentensor.ai:443", None),
            "local" => ("ws://127.0.0.1:9944", None),
            address => (address, None),
        };
        NodeSettings {
            network: network.into(),
            endpoints: vec![endpoint.into()],
            genesis,
            answer_timeout: Duration::from_secs(30),
            inclusion_timeout: Duration::from_secs(120),
            first_backoff: Duration::from_millis(250),
            longest_backoff: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finney_is_known_by_its_genesis_and_an_address_is_not() {
        let finney = NodeSettings::named("finney");
        let genesis = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03";
        assert_eq!(finney.genesis.unwrap().to_string(), genesis);
        let other = NodeSettings::named("ws://10.0.0.7:9944");
        assert_eq!((other.endpoints, other.genesis), (vec!["ws://10.0.0.7:9944".to_owned()], None));
    }
}
