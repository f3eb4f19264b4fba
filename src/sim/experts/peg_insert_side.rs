//! Peg-insert-side: grasp the peg, line it up with the hole, push it in along x.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// x and z of the point aimed at: beyond the deepest hole, at the hole's height.
const HOLE_X: f64 = -0.35;
const HOLE_Z: f64 = 0.16;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let peg = view.object;
    let hole = [HOLE_X, view.goal[1], HOLE_Z];
    let off_peg = distance(xy(view.hand), xy(peg)) > 0.04;
    let above_peg = (view.hand[2] - peg[2]).abs();
    let target = if off_peg {
        plus(peg, [0.0, 0.0, 0.3])
    } else if above_peg > 0.025 {
        peg
    } else if distance([peg[1], peg[2]], [hole[1], hole[2]]) > 0.03 {
        plus(hole, [0.4, 0.0, 0.0])
    } else {
        hole
    };
    let away = off_peg || above_peg > 0.15;
    view.move_to(target, 25.0, if away { -1.0 } else { 0.6 })
}
