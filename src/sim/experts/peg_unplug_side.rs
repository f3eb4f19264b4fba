//! Peg-unplug-side: over the plug's end, down around it, then slowly away from the box along x.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// Height of the hand when it holds the plug, metres.
const GRASP_Z_M: f64 = 0.15;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let plug = view.object_shifted([-0.02, 0.0, 0.035]);
    let off_plug = distance(xy(view.hand), xy(plug)) > 0.04;
    let target = if off_plug {
        plus(plug, [0.0, 0.0, 0.2])
    } else if (view.hand[2] - GRASP_Z_M).abs() > 0.02 {
        [plug[0], plug[1], GRASP_Z_M]
    } else {
        plus(view.hand, [0.01, 0.0, 0.0])
    };
    let away = off_plug || (view.hand[2] - plug[2]).abs() > 0.15;
    view.move_to(target, 25.0, if away { -1.0 } else { 0.1 })
}
