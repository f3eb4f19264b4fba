//! Dial-turn: over the dial's edge, down beside it, then push along x.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// Height at which the hand comes over the dial, metres.
const ABOVE_M: f64 = 0.2;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let beside = view.object_shifted([0.05, 0.02, 0.09]);
    let target = if distance(xy(view.hand), xy(beside)) > 0.02 {
        [beside[0], beside[1], ABOVE_M]
    } else if (view.hand[2] - beside[2]).abs() > 0.02 {
        beside
    } else {
        plus(beside, [-0.05, 0.005, 0.0])
    };
    view.move_to(target, 10.0, 1.0)
}
