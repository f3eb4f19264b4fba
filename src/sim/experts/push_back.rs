//! Push-back: over the block, down on it, then back to the goal with closing fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aside = distance(xy(view.hand), xy(view.object)) > 0.04;
    let above_m = (view.hand[2] - view.object[2]).abs();
    let target = if aside {
        view.object_shifted([0.0, 0.0, 0.3])
    } else if above_m > 0.055 {
        view.object
    } else {
        plus(view.goal, [0.0, 0.0, view.hand[2]])
    };
    view.move_to(target, 10.0, if aside || above_m > 0.05 { 0.0 } else { 0.9 })
}
