//! Coffee-push: grasp the mug by its rim and bring it above the goal.

use super::coffee_mug::{RIM_M, grip, target};
use super::view::View;

/// Height of the hand over the goal, metres.
const GOAL_Z_M: f64 = 0.1;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let goal = [view.goal[0], view.goal[1], GOAL_Z_M];
    view.move_to(target(view, RIM_M, 0.2, goal), 10.0, grip(view, 0.5))
}
