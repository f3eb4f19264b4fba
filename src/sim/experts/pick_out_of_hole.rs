//! Pick-out-of-hole: over the puck, down into the hole, straight up to the goal's height, then to the goal.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let puck = view.object_shifted([0.0, 0.0, 0.02]);
    let off_puck = distance(xy(view.hand), xy(puck)) > 0.02;
    let above_puck = (view.hand[2] - puck[2]).abs();
    let target = if off_puck {
        plus(puck, [0.0, 0.0, 0.15])
    } else if above_puck > 0.01 {
        puck
    } else if (view.hand[2] - view.goal[2]).abs() > 0.04 {
        [view.hand[0], view.hand[1], view.goal[2]]
    } else {
        view.goal
    };
    let away = off_puck || above_puck > 0.15;
    view.move_to(target, 25.0, if away { 0.0 } else { 0.1 })
}
