//! Plate-slide-back: down into the plate's near side with open fingers, then back towards the arm.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([0.0, -0.065, 0.025]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.01 {
        plus(aim, [0.0, 0.0, 0.1])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 {
        aim
    } else if view.hand[1] > 0.7 {
        plus(view.hand, [0.0, -0.1, 0.0])
    } else if view.hand[1] > 0.6 {
        [0.15, 0.55, view.hand[2]]
    } else {
        [view.hand[0] - 0.1, 0.55, view.hand[2]]
    };
    view.move_to(target, 10.0, -1.0)
}
