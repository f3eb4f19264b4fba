//! Plate-slide: over the near side of the plate, down, then straight on into the cabinet with open fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The y in the cabinet to which the plate is pushed, metres.
const INSIDE_Y_M: f64 = 0.9;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([0.0, -0.055, 0.03]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.03 {
        plus(aim, [0.0, 0.0, 0.1])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 {
        aim
    } else {
        [view.goal[0], INSIDE_Y_M, aim[2]]
    };
    view.move_to(target, 10.0, -1.0)
}
