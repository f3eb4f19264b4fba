//! Reach-wall: to the goal, and upwards as long as the wall is in the way.

use super::view::View;
use crate::sim::norm::plus;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let [x, y, z] = view.hand;
    let wall_ahead = (-0.1..=0.3).contains(&x) && (0.6..=0.8).contains(&y) && z < 0.25;
    let target = if wall_ahead { plus(view.goal, [0.0, 0.0, 1.0]) } else { view.goal };
    view.move_to(target, 5.0, 0.0)
}
