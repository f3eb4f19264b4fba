//! Push-wall: as Push, but beside the wall and past it before turning to the goal.

use super::push::push;
use super::view::View;
use crate::sim::norm::plus;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    push(view, around_wall)
}

/// Where to go with the puck at `aim` in the fingers.
fn around_wall(view: &View, aim: [f64; 3]) -> [f64; 3] {
    let [x, y, _] = aim;
    let beside_wall = (-0.15 < x && x < 0.05) || (0.15 < x && x < 0.35);
    if (-0.1..=0.3).contains(&x) && (0.65..=0.75).contains(&y) {
        plus(view.hand, [-1.0, 0.0, 0.0])
    } else if beside_wall && (0.695..=0.755).contains(&y) {
        plus(view.hand, [0.0, 1.0, 0.0])
    } else {
        view.goal
    }
}
