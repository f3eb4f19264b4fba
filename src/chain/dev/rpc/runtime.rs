//! The runtime that a development node claims to run.

use std::sync::Arc;

use subxt::ext::codec::Encode;

use super::super::super::ChainError;
use super::super::super::node::runtime::Runtime;
use crate::domain::BlockHash;

/// Version of the form of transactions: subtensor's.
const TRANSACTION_VERSION: u32 = 1;

/// Metadata of subtensor's runtime 461, recorded from a node and stripped; `tests/chain/fixtures/README.md` tells where it
/// comes from.
const RECORDED: &[u8] = include_bytes!("metadata-461.scale.zst");
/// Its version.
const RECORDED_VERSION: u32 = 461;

/// A runtime by its description, as real nodes serve it.
#[derive(Clone)]
pub struct DevRuntime {
    spec_version: u32,
    metadata: Arc<Vec<u8>>,
    served: Arc<Vec<u8>>,
}

impl DevRuntime {
    /// A runtime with this version and this metadata (version 15, with its prefix).
    pub fn new(spec_version: u32, metadata: Vec<u8>) -> DevRuntime {
        let metadata = Arc::new(metadata);
        DevRuntime { spec_version, metadata: metadata.clone(), served: metadata }
    }

    /// Subtensor's runtime 461.
    pub fn recorded() -> DevRuntime {
        let metadata = zstd::decode_all(RECORDED).expect("the recorded metadata is whole");
        DevRuntime::new(RECORDED_VERSION, metadata)
    }

    /// The metadata.
    pub fn metadata(&self) -> &[u8] {
        &self.metadata
    }

    /// The same, but clients are told another description.
    pub fn serving(self, metadata: Vec<u8>) -> DevRuntime {
        DevRuntime { served: Arc::new(metadata), ..self }
    }
}

/// A runtime in force.
pub(super) struct Running {
    pub(super) runtime: Runtime,
    pub(super) served: Arc<Vec<u8>>,
}

impl Running {
    pub(super) fn new(runtime: &DevRuntime, genesis: BlockHash) -> Result<Running, ChainError> {
        let versions = (runtime.spec_version, TRANSACTION_VERSION);
        let served = runtime.served.clone();
        Ok(Running { runtime: Runtime::new(&runtime.metadata, versions, genesis)?, served })
    }

    /// The versions, as `state_getRuntimeVersion` tells them.
    pub(super) fn version(&self) -> serde_json::Value {
        serde_json::json!({
            "specName": "node-subtensor",
            "implName": "kinitro-dev",
            "authoringVersion": 1,
            "specVersion": self.runtime.spec_version(),
            "implVersion": 1,
            "apis": [],
            "transactionVersion": TRANSACTION_VERSION,
            "stateVersion": 1,
        })
    }

    /// The versions, as the runtime call `Core_version` tells them.
    pub(super) fn encoded_version(&self) -> Vec<u8> {
        let apis: Vec<([u8; 8], u32)> = Vec::new();
        let versions = (1u32, self.runtime.spec_version(), 1u32);
        ("node-subtensor", "kinitro-dev", versions, apis, TRANSACTION_VERSION, 1u8).encode()
    }
}
