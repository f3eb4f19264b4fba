//! The hash chains of a transcript.

use crate::domain::Digest;

/// Context of the chain over everything.
const TRANSCRIPT_CONTEXT: &str = "kinitro transcript v1";
/// Context of the chain over what a replay must reproduce.
const REPLAY_CONTEXT: &str = "kinitro replay v1";

/// A chain of blake3 digests: `h0 = derive_key(context, first)`, `h(n+1) = blake3(h(n) ‖ bytes)`.
#[derive(Debug, Clone)]
pub(super) struct HashChain([u8; 32]);

impl HashChain {
    /// The chain over every byte of a transcript, begun with its header's bytes.
    pub(super) fn transcript(header: &[u8]) -> HashChain {
        HashChain(blake3::derive_key(TRANSCRIPT_CONTEXT, header))
    }

    /// The chain over what a replay must reproduce.
    pub(super) fn replay(first: &[u8]) -> HashChain {
        HashChain(blake3::derive_key(REPLAY_CONTEXT, first))
    }

    /// Links `bytes` to the end.
    pub(super) fn link(&mut self, bytes: &[u8]) {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0);
        hasher.update(bytes);
        self.0 = *hasher.finalize().as_bytes();
    }

    /// The digest at its present end.
    pub(super) fn end(&self) -> Digest {
        Digest(self.0)
    }
}
