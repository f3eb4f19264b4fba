//! Hand-insert: over the block, down on it, along the table to over the hole, down into it.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let block = view.object;
    let off_block = distance(xy(view.hand), xy(block)) > 0.02;
    let above_block = (view.hand[2] - block[2]).abs();
    let target = if off_block {
        plus(block, [0.0, 0.0, 0.1])
    } else if above_block > 0.05 {
        plus(block, [0.0, 0.0, 0.03])
    } else if distance(xy(view.hand), xy(view.goal)) > 0.04 {
        [view.goal[0], view.goal[1], view.hand[2]]
    } else {
        view.goal
    };
    let away = off_block || above_block > 0.1;
    view.move_to(target, 10.0, if away { 0.0 } else { 0.65 })
}
