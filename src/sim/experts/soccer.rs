//! Soccer: to the side of the ball away from the goal, then through the ball with closed fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// Distance from the ball at which a push begins, metres.
const OFFSET_M: f64 = 0.03;

/// A ball farther than this to the side of the goal is pushed sideways first, metres.
const ASIDE_M: f64 = 0.05;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let ball = view.object_shifted([0.0, 0.0, 0.03]);
    let aside = ball[0] - view.goal[0];
    let offset = if aside < -ASIDE_M {
        [-OFFSET_M, 0.0, 0.0]
    } else if aside > ASIDE_M {
        [OFFSET_M, 0.0, 0.0]
    } else {
        [0.0, -OFFSET_M, 0.0]
    };
    let mut start = plus(ball, offset);
    start[2] = if distance(xy(view.hand), xy(ball)) < 0.02 { 0.1 } else { 0.03 };
    let target = if distance(view.hand, start) > 0.01 { start } else { ball };
    view.move_to(target, 25.0, 1.0)
}
