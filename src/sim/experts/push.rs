//! Push: over the puck, down on it, then to the goal with half-closed fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    push(view, |view, _| view.goal)
}

/// The next action where `onwards` says to which point the hand goes with the puck, from the view and the point at
/// which the hand aims on the puck.
pub(super) fn push(view: &View, onwards: fn(&View, [f64; 3]) -> [f64; 3]) -> [f32; 4] {
    let aim = view.object_shifted([-0.005, 0.0, 0.0]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.02 {
        plus(aim, [0.0, 0.0, 0.2])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 {
        plus(aim, [0.0, 0.0, 0.03])
    } else {
        onwards(view, aim)
    };
    let away = distance(xy(view.hand), xy(view.object)) > 0.02 || (view.hand[2] - view.object[2]).abs() > 0.10;
    view.move_to(target, 10.0, if away { 0.0 } else { 0.6 })
}
