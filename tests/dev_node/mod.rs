//! Metadata of real runtimes and a node that serves them.

use std::path::Path;
use std::time::Duration;

use kinitro::chain::{
    Chain, DevChain, DevChainSettings, DevNode, DevNodeSettings, DevRuntime, NodeChain, NodeSettings,
};

/// The metadata of a runtime version.
pub fn metadata(spec_version: u32) -> Vec<u8> {
    if spec_version == 461 {
        return DevRuntime::recorded().metadata().to_vec();
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chain/fixtures");
    let packed = std::fs::read(fixtures.join(format!("metadata-{spec_version}.scale.zst"))).unwrap();
    zstd::decode_all(&packed[..]).unwrap()
}

/// A runtime by its version.
pub fn runtime(spec_version: u32) -> DevRuntime {
    DevRuntime::new(spec_version, metadata(spec_version))
}

/// A chain whose blocks come with transactions or by hand.
pub fn by_hand(name: &str) -> DevChain {
    let settings = DevChainSettings { name: name.into(), block_time_ms: 0, finality_lag_blocks: 3 };
    DevChain::in_memory(&settings).unwrap()
}

/// A node over a chain, on any free port.
pub async fn node(chain: &DevChain, runtime: DevRuntime) -> DevNode {
    let listen = "127.0.0.1:0".parse().unwrap();
    DevNode::start(chain.clone(), DevNodeSettings { listen, runtime }).await.unwrap()
}

/// How to reach some nodes, impatiently.
pub fn settings(chain: &DevChain, nodes: &[&DevNode]) -> NodeSettings {
    NodeSettings {
        network: chain.network().into(),
        endpoints: nodes.iter().map(|node| node.endpoint()).collect(),
        genesis: Some(chain.genesis()),
        answer_timeout: Duration::from_secs(20),
        inclusion_timeout: Duration::from_secs(20),
        finality_timeout: Duration::from_secs(20),
        first_backoff: Duration::from_millis(5),
        ..NodeSettings::of("local", &[], None).unwrap()
    }
}

/// A client of some nodes.
pub async fn connect(chain: &DevChain, nodes: &[&DevNode]) -> NodeChain {
    NodeChain::connect(settings(chain, nodes)).await.unwrap()
}
