//! Records of episodes and cycles: codec, hash chain, Merkle tree, manifest.
