//! faucet-open-v3: turn the faucet's handle to the right.
//!
//! Task vector: x, y, z of the faucet, metres. The goal is (0.175, 0, 0.125) from the faucet. Success: the place where
//! the hand pushes, (-0.04, 0, 0.03) from the handle's end, is within 0.07 m of it.

use crate::sim::task::{HAND_HIGH, HAND_LOW_DEEP, HOME_NEAR, TaskSpec};

use super::faucet::{Faucet, Turn};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "faucet-open-v3",
    sentence: "Open the faucet by turning its handle to the right.",
    model: "faucet",
    low: &[-0.05, 0.8, 0.0],
    high: &[0.05, 0.85, 0.0],
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
    handle: "handleStartOpen",
    mark: "goal_open",
    goal_m: [0.175, 0.0, 0.125],
    push_m: [-0.04, 0.0, 0.03],
    fresh: false,
};
