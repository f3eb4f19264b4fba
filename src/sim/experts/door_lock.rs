//! Door-lock: up and back, over the bolt, down on it, then turn it down, fingers open.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The hand lower than this rises before it comes over the bolt, metres.
const CLEAR_M: f64 = 0.25;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let bolt = view.object_shifted([-0.02, -0.02, 0.0]);
    let away = distance(xy(view.hand), xy(bolt)) > 0.02;
    let target = if away && view.hand[2] < CLEAR_M {
        plus(view.hand, [0.0, -0.1, 0.1])
    } else if away {
        plus(bolt, [0.0, 0.0, 0.3])
    } else if (view.hand[2] - bolt[2]).abs() > 0.02 {
        bolt
    } else {
        plus(bolt, [-0.1, 0.0, -0.1])
    };
    view.move_to(target, 25.0, -1.0)
}
