//! Shelf-place: grasp the block, line it up with the shelf along x, lift it, and carry it forward onto the shelf.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// Height at which the block is carried, metres.
const CARRY_Z_M: f64 = 0.3;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let block = view.object;
    let aim = view.object_shifted([-0.005, 0.0, 0.015]);
    let shelf_x = view.goal[0];
    let target = if distance(xy(view.hand), xy(aim)) > 0.04 {
        plus(aim, [0.0, 0.0, 0.3])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 {
        aim
    } else if (view.hand[0] - shelf_x).abs() > 0.02 {
        [shelf_x, view.hand[1], CARRY_Z_M]
    } else if view.hand[2] < CARRY_Z_M {
        plus(view.hand, [0.0, 0.0, 0.3])
    } else {
        plus(view.hand, [0.0, 0.05, 0.0])
    };
    let away = distance(xy(view.hand), xy(block)) > 0.04 || (view.hand[2] - block[2]).abs() > 0.15;
    view.move_to(target, 25.0, if away { -1.0 } else { 0.7 })
}
