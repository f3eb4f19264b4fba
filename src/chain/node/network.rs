//! Networks by name.

use std::time::Duration;

use super::super::ChainError;
use crate::domain::{BlockHash, printable};

/// What a chain is called that is known by the addresses of its nodes alone. The addresses themselves are no names:
/// they may hold a token, and two who read one chain read it through different nodes.
const UNNAMED: &str = "custom";
/// Longest text of the settings that an error shows, in characters.
const SHOWN_CHARS: usize = 60;
/// Shortest part of an address that is hidden where somebody repeats it.
const SHORTEST_SECRET_BYTES: usize = 4;

/// Genesis hash of Bittensor's main network.
const FINNEY_GENESIS: [u8; 32] = [
    0x2f, 0x05, 0x55, 0xcc, 0x76, 0xfc, 0x28, 0x40, 0xa2, 0x5a, 0x6e, 0xa3, 0xb9, 0x63, 0x71, 0x46, 0x80, 0x6f, 0x1f,
    0x44, 0xb0, 0x90, 0xc1, 0x75, 0xff, 0xde, 0x2a, 0x7e, 0x5a, 0xb3, 0x6c, 0x03,
];

/// Which chain, through which nodes, and how patiently.
#[derive(Clone, PartialEq, Eq)]
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
    /// Longest wait until that block is final. Default 300 s; some 40 s are usual.
    pub finality_timeout: Duration,
    /// Wait after the first round in which no node could be reached; doubled each further round. Default 250 ms.
    pub first_backoff: Duration,
    /// Longest such wait. Default 30 s.
    pub longest_backoff: Duration,
    /// How long the finalized head may stand before the chain is called stalled and another node is asked. Default
    /// 300 s, 25 blocks.
    pub head_patience: Duration,
}

impl std::fmt::Debug for NodeSettings {
    /// Shows hosts in place of addresses, which may hold a token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hosts: Vec<String> = self.endpoints.iter().map(|address| host_of(address)).collect();
        f.debug_struct("NodeSettings")
            .field("network", &self.network)
            .field("endpoints", &hosts)
            .field("genesis", &self.genesis)
            .field("answer_timeout", &self.answer_timeout)
            .field("inclusion_timeout", &self.inclusion_timeout)
            .field("finality_timeout", &self.finality_timeout)
            .field("first_backoff", &self.first_backoff)
            .field("longest_backoff", &self.longest_backoff)
            .field("head_patience", &self.head_patience)
            .finish()
    }
}

impl NodeSettings {
    /// A network by its name (`finney`, `archive` for finney with all old states, `test`, `local`) or by the address of a
    /// node. `endpoints`, where there are any, are asked in place of the network's own, and `genesis` says which chain
    /// it must be where the name does not.
    ///
    /// # Errors
    /// [`ChainError::BadEndpoint`] for a name that is none and for an address that is no web socket's;
    /// [`ChainError::WrongGenesis`] when `genesis` is another than the named network's.
    pub fn of(network: &str, endpoints: &[String], genesis: Option<BlockHash>) -> Result<NodeSettings, ChainError> {
        let known = match network {
            "finney" => Some(("finney", "wss://entrypoint-finney.opentensor.ai:443", Some(BlockHash(FINNEY_GENESIS)))),
            "archive" => Some(("finney", "wss://archive.chain.opentensor.ai:443", Some(BlockHash(FINNEY_GENESIS)))),
            "test" => Some(("test", "wss://test.finney.opentensor.ai:443", None)),
            "local" => Some(("local", "ws://127.0.0.1:9944", None)),
            address if is_web_socket(address) => Some((UNNAMED, address, None)),
            _ => None,
        };
        let (name, endpoint, own_genesis) = known.ok_or_else(|| {
            let shown = host_of(network);
            ChainError::BadEndpoint(format!("{shown:?} is no network; name dev, finney, archive, test or local"))
        })?;
        if let Some(other) = endpoints.iter().find(|address| !is_web_socket(address)) {
            return Err(ChainError::BadEndpoint(format!("{:?} is no endpoint", host_of(other))));
        }
        if let (Some(expected), Some(found)) = (own_genesis, genesis)
            && expected != found
        {
            return Err(ChainError::WrongGenesis { expected, found });
        }
        let endpoints = if endpoints.is_empty() { vec![endpoint.to_owned()] } else { endpoints.to_vec() };
        Ok(NodeSettings::patient(name, endpoints, own_genesis.or(genesis)))
    }

    /// These nodes with the default waits.
    fn patient(network: &str, endpoints: Vec<String>, genesis: Option<BlockHash>) -> NodeSettings {
        NodeSettings {
            network: network.into(),
            endpoints,
            genesis,
            answer_timeout: Duration::from_secs(30),
            inclusion_timeout: Duration::from_secs(120),
            finality_timeout: Duration::from_secs(300),
            first_backoff: Duration::from_millis(250),
            longest_backoff: Duration::from_secs(30),
            head_patience: Duration::from_secs(300),
        }
    }

    /// How long one endpoint is listened to while the chain stands: after one more patience every one was asked.
    pub(super) fn patience_of_one(&self) -> Duration {
        self.head_patience / u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX).max(1)
    }
}

/// Whether this is the address of a web socket.
pub(super) fn is_web_socket(address: &str) -> bool {
    let rest = address.strip_prefix("wss://").or_else(|| address.strip_prefix("ws://"));
    rest.is_some_and(|rest| !rest.is_empty())
}

/// Scheme, host and port of an address, which may be shown; user, password, path and query may hold a token.
pub(super) fn host_of(address: &str) -> String {
    let (scheme, authority, _) = parts(address);
    let host = authority.rsplit('@').next().unwrap_or_default();
    printable(&format!("{scheme}{host}"), SHOWN_CHARS)
}

/// `text` without those parts of an address that may be a secret: user, password, path and query.
pub(super) fn without_secrets(text: &str, address: &str) -> String {
    let (_, authority, path) = parts(address);
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    let secrets = user.split(':').chain(path.split(['/', '\\', '?', '&', '#', '=']));
    let secrets = secrets.filter(|part| part.len() >= SHORTEST_SECRET_BYTES);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
}

/// Scheme with its slashes, authority and the rest of an address, or of what was meant as one.
fn parts(address: &str) -> (&str, &str, &str) {
    let start = address.find("://").map_or(0, |place| place + "://".len());
    let (scheme, rest) = address.split_at(start);
    let (authority, path) = rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()));
    (scheme, authority, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHER: BlockHash = BlockHash([7; 32]);

    fn of(network: &str) -> NodeSettings {
        NodeSettings::of(network, &[], None).unwrap()
    }

    #[test]
    fn finney_is_known_by_its_genesis_whichever_nodes_are_asked() {
        let genesis = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03";
        let own = NodeSettings::of("finney", &["wss://node.example:443".to_owned()], None).unwrap();
        assert_eq!(own.endpoints, ["wss://node.example:443"]);
        for settings in [of("finney"), of("archive"), own] {
            assert_eq!((settings.network.as_str(), settings.genesis.unwrap().to_string()), ("finney", genesis.into()));
        }
        let error = NodeSettings::of("finney", &[], Some(OTHER)).unwrap_err();
        assert!(matches!(error, ChainError::WrongGenesis { found, .. } if found == OTHER), "{error}");
    }

    #[test]
    fn other_chains_are_known_by_what_the_settings_say() {
        for network in ["test", "local", "ws://10.0.0.7:9944"] {
            assert_eq!(of(network).genesis, None);
            assert_eq!(NodeSettings::of(network, &[], Some(OTHER)).unwrap().genesis, Some(OTHER));
        }
        assert_eq!(of("ws://10.0.0.7:9944").endpoints, ["ws://10.0.0.7:9944"]);
    }

    #[test]
    fn every_endpoint_has_its_share_of_the_patience() {
        let patience = |endpoints: usize| {
            NodeSettings { endpoints: vec![String::new(); endpoints], ..of("finney") }.patience_of_one().as_secs()
        };
        assert_eq!([0, 1, 2, 3].map(patience), [300, 300, 150, 100]);
    }

    #[test]
    fn an_address_is_no_name() {
        assert_eq!(of("wss://node.example/some-token").network, "custom");
    }

    #[test]
    fn what_may_be_a_token_is_not_shown() {
        assert_eq!(host_of("ws://127.0.0.1:9944"), "ws://127.0.0.1:9944");
        for address in
            ["wss://n.example:443/token", "wss://user:token@n.example:443/x@y", "wss://n.example:443?k=token"]
        {
            assert_eq!(host_of(address), "wss://n.example:443");
            let settings = NodeSettings::of(address, &[address.to_owned()], None).unwrap();
            let shown = format!("{settings:?}");
            assert!(shown.contains("wss://n.example:443") && !shown.contains("token"), "{shown}");
        }
        let said = without_secrets("GET /token?key=other from user:pass", "wss://user:pass@h/token?key=other");
        assert_eq!(said, "GET /…?key=… from …:…");
        for wrong in ["https://h/token", "wss:/h/token", "u:token@h", "wss//h?k=token", "https:\\\\h\\token", "h#token"]
        {
            let told = NodeSettings::of(wrong, &[], None).unwrap_err().to_string();
            let listed = NodeSettings::of("finney", &[wrong.to_owned()], None).unwrap_err().to_string();
            assert!(!told.contains("token") && !listed.contains("token"), "{told} {listed}");
        }
        let finny = NodeSettings::of("finny", &[], None).unwrap_err().to_string();
        assert!(finny.starts_with("\"finny\" is no network"), "{finny}");
    }

    #[test]
    fn what_is_neither_name_nor_web_socket_is_refused() {
        let refused = |network: &str, endpoints: &[&str]| {
            let endpoints: Vec<String> = endpoints.iter().map(|one| (*one).to_owned()).collect();
            matches!(NodeSettings::of(network, &endpoints, None), Err(ChainError::BadEndpoint(_)))
        };
        for network in ["finny", "", "dev", "http://127.0.0.1:9944", "ws://", "ws"] {
            assert!(refused(network, &[]), "{network}");
        }
        assert!(refused("finney", &["wss://node.example:443", "https://node.example"]));
        assert!(!refused("finney", &["wss://[::1]:443"]));
    }
}
