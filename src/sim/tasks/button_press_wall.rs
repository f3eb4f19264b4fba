//! button-press-wall-v3: reach over a wall and push the button in the box's front.
//!
//! Task vector: x, y, z of the button's box, metres. The goal is the hole behind the button. Success: the button is
//! within 0.03 m of it, along y.

use crate::sim::rewards::hamacher_product;
use crate::sim::task::{HAND_HIGH, HAND_LOW, HOME_NEAR_SINGLE, TaskSpec};

use super::button::{BoxButton, Kind, Press};
use super::button_press::FRONT_M;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "button-press-wall-v3",
    sentence: "Reach over the wall and push the button in.",
    model: "button_press_wall",
    low: &[-0.05, 0.85, 0.1149],
    high: &[0.05, 0.9, 0.1151],
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
const KIND: Kind = Kind { face_m: FRONT_M, axis: 1, slide_is_reset: true, reached_m: 0.01, success_m: 0.03, reward };

/// The hand farther than this from the button is still on its way, metres.
const ON_THE_WAY_M: f64 = 0.07;

/// Up to two for coming near with closed fingers; at the button two, up to four for open fingers and four for the
/// button's way.
fn reward(press: &Press) -> f64 {
    if press.tcp_to_button > ON_THE_WAY_M {
        return 2.0 * hamacher_product((1.0 - press.opening) / 2.0, press.near).value();
    }
    2.0 + 2.0 * (1.0 + press.opening) + 4.0 * libm::pow(press.pressed, 2.0)
}
