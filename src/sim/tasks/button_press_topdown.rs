//! button-press-topdown-v3: push the button in the top of its box.
//!
//! Task vector: x, y, z of the button's box, metres. The goal is the hole under the button. Success: the button is
//! within 0.024 m of it, along z.

use crate::sim::rewards::hamacher_product;
use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_NEAR_SINGLE, TaskSpec};

use super::button::{BoxButton, Kind, Press};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "button-press-topdown-v3",
    sentence: "Push the button down from above.",
    model: "button_press_topdown",
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

/// How the button is pressed and rewarded: the fingers shall be closed.
const KIND: Kind = kind(|press| reward(press, 1.0 - press.opening));

/// A button in the top of its box, with the reward of a step.
pub(super) const fn kind(reward: fn(&Press) -> f64) -> Kind {
    Kind { face_m: [0.0, 0.0, 0.193], axis: 2, slide_is_reset: false, reached_m: 0.01, success_m: 0.024, reward }
}

/// The hand nearer than this is at the button, metres.
const AT_BUTTON_M: f64 = 0.03;

/// Five for fingers held as the task wants them (`fingers`, 0 to 1) near the button, five for the way of the button
/// while the hand is there.
pub(super) fn reward(press: &Press, fingers: f64) -> f64 {
    let mut reward = 5.0 * hamacher_product(fingers, press.near).value();
    if press.tcp_to_button <= AT_BUTTON_M {
        reward += 5.0 * press.pressed;
    }
    reward
}
