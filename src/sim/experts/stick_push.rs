//! Stick-push: the stick goes against the thermos, then on to the goal.

use super::stick::{Course, follow};
use super::view::View;
use crate::sim::norm::plus;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let course = Course {
        stick: view.object_shifted([0.015, 0.0, 0.03]),
        thermos: view.second_object,
        goal: plus(view.goal, [0.0, 0.0, 0.132]),
    };
    follow(&course, view, 10.0)
}
