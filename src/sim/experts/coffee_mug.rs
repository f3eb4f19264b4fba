//! Coffee-pull and coffee-push: over the mug, down on its rim, then to the goal with closing fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// Where the fingers hold the mug, metres from it.
const RIM_M: [f64; 3] = [0.01, 0.0, 0.05];

/// The next action of coffee-pull.
pub fn pull(view: &View) -> [f32; 4] {
    view.move_to(target(view, [-0.005, 0.0, 0.05], 0.15, view.goal), 10.0, grip(view, 0.7))
}

/// The next action of coffee-push.
pub fn push(view: &View) -> [f32; 4] {
    let goal = [view.goal[0], view.goal[1], 0.1];
    view.move_to(target(view, RIM_M, 0.2, goal), 10.0, grip(view, 0.5))
}

/// Where the hand shall go: to the point `offset` from the mug, first `above` it, then to `goal`; all metres.
fn target(view: &View, offset: [f64; 3], above: f64, goal: [f64; 3]) -> [f64; 3] {
    let aim = view.object_shifted(offset);
    if distance(xy(view.hand), xy(aim)) > 0.06 {
        plus(aim, [0.0, 0.0, above])
    } else if (view.hand[2] - aim[2]).abs() > 0.02 {
        aim
    } else {
        goal
    }
}

/// The fingers open until the hand is at the rim, then they close as hard as `closing`.
fn grip(view: &View, closing: f64) -> f64 {
    let rim = view.object_shifted(RIM_M);
    let away = distance(xy(view.hand), xy(rim)) > 0.06 || (view.hand[2] - rim[2]).abs() > 0.1;
    if away { -1.0 } else { closing }
}
