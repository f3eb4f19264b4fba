//! Plate-slide-side: over the right side of the plate, down, then to the left with closed fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The y along which the plate is pushed, metres.
const LANE_Y_M: f64 = 0.6;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([0.07, 0.0, -0.005]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.04 {
        plus(aim, [0.0, 0.0, 0.1])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 {
        aim
    } else if view.hand[0] > -0.2 {
        [view.hand[0] - 0.1, LANE_Y_M, view.hand[2]]
    } else {
        plus(aim, [-0.1, 0.0, 0.0])
    };
    view.move_to(target, 25.0, 1.0)
}
