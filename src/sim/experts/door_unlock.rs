//! Door-unlock: down and back, to the bolt's left, then push it along x.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The hand higher than this sinks before it comes to the bolt, metres.
const LOW_M: f64 = 0.15;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let bolt = view.object_shifted([-0.04, -0.02, -0.03]);
    let away = distance(xy(view.hand), xy(bolt)) > 0.02;
    let target = if away && view.hand[2] > LOW_M {
        plus(view.hand, [0.0, -0.1, -0.1])
    } else if away {
        bolt
    } else {
        plus(bolt, [0.1, 0.0, 0.01])
    };
    view.move_to(target, 25.0, 1.0)
}
