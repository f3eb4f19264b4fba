//! Pick-place: over the puck, down on it, wait for the fingers to close, then to the goal.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// Above this opening the fingers have not closed on the puck yet.
const CLOSED_ON_PUCK: f64 = 0.73;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([-0.005, 0.0, 0.0]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.02 {
        plus(aim, [0.0, 0.0, 0.1])
    } else if (view.hand[2] - aim[2]).abs() > 0.05 && aim[2] < 0.04 {
        plus(aim, [0.0, 0.0, 0.03])
    } else if view.opening > CLOSED_ON_PUCK {
        view.hand
    } else {
        view.goal
    };
    let near = distance(view.hand, view.object) < 0.07;
    view.move_to(target, 10.0, if near { 1.0 } else { 0.0 })
}
