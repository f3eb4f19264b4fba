//! Button-press-wall: line up with the button in x, go over the wall, down to the button, then push with open fingers.

use super::view::View;
use crate::sim::norm::plus;

/// Height in which the hand goes over the wall, metres.
const OVER_WALL_M: f64 = 0.3;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let aim = view.object_shifted([0.0, 0.0, 0.04]);
    let (target, grip) = if (hand[0] - aim[0]).abs() > 0.02 {
        ([aim[0], hand[1], OVER_WALL_M], 1.0)
    } else if aim[1] - hand[1] > 0.09 {
        ([aim[0], aim[1], OVER_WALL_M], 1.0)
    } else if (hand[2] - aim[2]).abs() > 0.02 {
        (plus(aim, [0.0, -0.05, 0.0]), 1.0)
    } else {
        (plus(aim, [0.0, -0.02, 0.0]), -1.0)
    };
    view.move_to(target, 15.0, grip)
}
