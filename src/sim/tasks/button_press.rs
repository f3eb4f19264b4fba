//! button-press-v3: push the button in the box's front.
//!
//! Task vector: x, y, z of the button's box, metres. The goal is the hole behind the button. Success: the button is
//! within 0.02 m of it, along y.

use crate::sim::rewards::hamacher_product;
use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_NEAR_SINGLE, TaskSpec};

use super::button::{BoxButton, Kind, Press};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "button-press-v3",
    sentence: "Push the button in.",
    model: "button_press",
    low: &[-0.1, 0.85, 0.115],
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

/// How the button is pressed and rewarded.
const KIND: Kind =
    Kind { face_m: FRONT_M, axis: 1, slide_is_reset: true, reached_m: REACHED_M, success_m: 0.02, reward };

/// The face of a button in the front of its box, metres from the button's body.
pub(super) const FRONT_M: [f64; 3] = [0.0, -0.193, 0.0];

/// The hand nearer than this is at the button, metres.
pub(super) const REACHED_M: f64 = 0.05;

/// Two for open fingers near the button, eight for the way of the button while the hand is there.
pub(super) fn reward(press: &Press) -> f64 {
    let mut reward = 2.0 * hamacher_product(press.opening.max(0.0), press.near).value();
    if press.tcp_to_button <= REACHED_M {
        reward += 8.0 * press.pressed;
    }
    reward
}
