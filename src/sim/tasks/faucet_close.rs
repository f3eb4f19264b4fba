//! faucet-close-v3: turn the faucet's handle to the left.
//!
//! Task vector: x, y, z of the faucet, metres. The goal is (-0.175, 0, 0.125) from the faucet. Success: the handle's
//! end is within 0.07 m of it.

use crate::sim::task::{HAND_HIGH, HAND_LOW_DEEP, HOME_NEAR, TaskSpec};

use super::faucet::{Faucet, Turn};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "faucet-close-v3",
    sentence: "Close the faucet by turning its handle to the left.",
    model: "faucet",
    low: &[-0.1, 0.8, 0.0],
    high: &[0.1, 0.85, 0.0],
    apart: None,
    objects: 1,
    home: HOME_NEAR,
    hand_low: HAND_LOW_DEEP,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW_DEEP,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(Faucet::find(model, &TURN)?)),
};

/// How the faucet is turned.
const TURN: Turn = Turn {
    handle: "handleStartClose",
    mark: "goal_close",
    goal_m: [-0.175, 0.0, 0.125],
    push_m: [0.0; 3],
    fresh: true,
};
