//! Sweep-into: over the block, down on it, then to the hole with half-closed fingers.

use super::sweep::at_block;
use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([-0.005, 0.0, 0.01]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.04 {
        plus(aim, [0.0, 0.0, 0.3])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 {
        aim
    } else {
        view.goal
    };
    view.move_to(target, 25.0, if at_block(view) { 0.7 } else { -1.0 })
}
