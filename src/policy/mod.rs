//! Talking to a miner's policy.
