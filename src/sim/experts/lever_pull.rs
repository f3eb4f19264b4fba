//! Lever-pull: below and before the lever's end, up to it, then on and up.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let end = view.object_shifted([0.0, -0.055, 0.0]);
    let target = if distance(xy(view.hand), xy(end)) > 0.02 {
        plus(end, [0.0, 0.0, -0.1])
    } else if (view.hand[2] - end[2]).abs() > 0.02 {
        end
    } else {
        plus(end, [0.0, 0.08, 0.02])
    };
    view.move_to(target, 25.0, 1.0)
}
