//! Stick-pull: the stick goes through the handle of the thermos, then back to the goal.

use super::stick::{Course, follow};
use super::view::View;
use crate::sim::norm::plus;

/// From stick or handle to the hand that is to be there, metres.
const HAND_M: [f64; 3] = [-0.015, 0.0, 0.03];

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let course = Course {
        stick: view.object_shifted(HAND_M),
        thermos: plus(view.second_object, HAND_M),
        goal: plus(view.goal, [-0.05, 0.0, 0.0]),
    };
    follow(&course, view, 25.0)
}
