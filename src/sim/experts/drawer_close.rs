//! Drawer-close: up and in front of the handle, down to it, then push.

use super::view::View;
use crate::sim::norm::plus;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let handle = view.object_shifted([0.0, 0.0, -0.02]);
    let behind_the_front = hand[1] > handle[1];
    let target = if behind_the_front && hand[2] < handle[2] + 0.23 {
        [hand[0], hand[1], handle[2] + 0.5]
    } else if behind_the_front {
        plus(handle, [0.0, -0.075, 0.23])
    } else if (hand[2] - handle[2]).abs() > 0.04 {
        plus(handle, [0.0, -0.075, 0.0])
    } else {
        handle
    };
    view.move_to(target, 25.0, 1.0)
}
