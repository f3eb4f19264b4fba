//! button-press-topdown-wall-v3: reach over a wall and push the button in the top of its box.
//!
//! Task vector: x, y, z of the button's box, metres. The goal is the hole under the button. Success: the button is
//! within 0.024 m of it, along z.

use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_NEAR_SINGLE, TaskSpec};

use super::button::{BoxButton, Kind};
use super::button_press_topdown::{kind, reward};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "button-press-topdown-wall-v3",
    sentence: "Reach over the wall and push the button down from above.",
    model: "button_press_topdown_wall",
    low: &[-0.1, 0.8, 0.115],
    high: &[0.1, 0.9, 0.115],
    apart: None,
    objects: 1,
    home: HOME_NEAR_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW,
    goal_high: HAND_HIGH,
    build: |model| BoxButton::task(model, &KIND),
};

/// How the button is pressed and rewarded: the fingers shall be open.
const KIND: Kind = kind(|press| reward(press, press.opening.max(0.0)));
