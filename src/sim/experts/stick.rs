//! Moving the thermos with the stick: grasp the stick, bring it beside the thermos, in y first and then in z, go
//! forward until it has reached the thermos in x, then to the goal.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The points that the hand goes by, metres.
pub(super) struct Course {
    /// Where the hand holds the stick.
    pub(super) stick: [f64; 3],
    /// Where the hand is when the stick has reached the thermos.
    pub(super) thermos: [f64; 3],
    /// Where the hand goes with both.
    pub(super) goal: [f64; 3],
}

/// The next action along a course, moving with proportional gain `gain`.
pub(super) fn follow(course: &Course, view: &View, gain: f64) -> [f32; 4] {
    let Course { stick, thermos, goal } = *course;
    let off_stick = distance(xy(view.hand), xy(stick)) > 0.02;
    let above_stick = (view.hand[2] - stick[2]).abs();
    let target = if (stick[0] - thermos[0]).abs() <= 0.04 {
        goal
    } else if off_stick {
        plus(stick, [0.0, 0.0, 0.1])
    } else if above_stick > 0.02 {
        stick
    } else if (stick[1] - thermos[1]).abs() > 0.02 {
        [stick[0], thermos[1], stick[2]]
    } else if (stick[2] - thermos[2]).abs() > 0.02 {
        [stick[0], thermos[1], thermos[2]]
    } else {
        thermos
    };
    let away = off_stick || above_stick > 0.1;
    view.move_to(target, gain, if away { -1.0 } else { 0.7 })
}
