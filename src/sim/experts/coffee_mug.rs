//! Moving the mug: over the mug, down on its rim, then to the goal with closing fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// Where the fingers hold the mug, metres from it.
pub(super) const RIM_M: [f64; 3] = [0.01, 0.0, 0.05];

/// Where the hand shall go: to the point `offset` from the mug, first `above` it, then to `goal`; all metres.
pub(super) fn target(view: &View, offset: [f64; 3], above: f64, goal: [f64; 3]) -> [f64; 3] {
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
pub(super) fn grip(view: &View, closing: f64) -> f64 {
    let rim = view.object_shifted(RIM_M);
    let away = distance(xy(view.hand), xy(rim)) > 0.06 || (view.hand[2] - rim[2]).abs() > 0.1;
    if away { -1.0 } else { closing }
}
