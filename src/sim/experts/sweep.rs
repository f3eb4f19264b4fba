//! Sweep: over the block, down on it, then with half-closed fingers to the side of the table, and let go.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The hand beyond this x goes on whatever the block does, metres.
const UNDER_WAY_X_M: f64 = 0.2;

/// Beyond this x the block is let go, metres.
const LET_GO_X_M: f64 = 0.4;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([0.0, 0.0, 0.015]);
    let setting_out = view.hand[0] < UNDER_WAY_X_M;
    let target = if setting_out && distance(xy(view.hand), xy(aim)) > 0.04 {
        plus(aim, [0.0, 0.0, 0.3])
    } else if setting_out && (view.hand[2] - aim[2]).abs() > 0.04 {
        aim
    } else {
        plus(view.goal, [0.0, 0.0, 0.1])
    };
    let carries = at_block(view) && view.object[0] < LET_GO_X_M;
    view.move_to(target, 25.0, if carries { 0.7 } else { -1.0 })
}

/// True if the hand is so near the block that the fingers may close on it.
pub(super) fn at_block(view: &View) -> bool {
    distance(xy(view.hand), xy(view.object)) <= 0.04 && (view.hand[2] - view.object[2]).abs() <= 0.15
}
