//! Coffee-pull: grasp the mug by its rim and bring it to the goal.

use super::coffee_mug::{grip, target};
use super::view::View;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    view.move_to(target(view, [-0.005, 0.0, 0.05], 0.15, view.goal), 10.0, grip(view, 0.7))
}
