//! Plate-slide-back-side: down into the plate with closed fingers, then to the right.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The y along which the plate is pulled, metres.
const LANE_Y_M: f64 = 0.6;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([0.023, 0.0, 0.025]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.01 {
        plus(aim, [0.0, 0.0, 0.07])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 {
        aim
    } else {
        [view.hand[0] + 0.1, LANE_Y_M, view.hand[2]]
    };
    view.move_to(target, 10.0, 1.0)
}
