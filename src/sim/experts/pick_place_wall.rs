//! Pick-place-wall: over the puck, down on it, with closing fingers up above the wall, over it and to the goal.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([-0.005, 0.0, 0.0]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.015 {
        plus(aim, [0.0, 0.0, 0.1])
    } else if (view.hand[2] - aim[2]).abs() > 0.04 && aim[2] < 0.03 {
        plus(aim, [0.0, 0.0, 0.03])
    } else {
        over_wall(view)
    };
    let away = distance(xy(view.hand), xy(view.object)) > 0.015 || (view.hand[2] - view.object[2]).abs() > 0.1;
    view.move_to(target, 10.0, if away { 0.0 } else { 0.9 })
}

/// Where to go with the puck in the fingers.
fn over_wall(view: &View) -> [f64; 3] {
    let ([x, y, z], goal) = (view.hand, view.goal);
    let at_wall = (-0.15..=0.35).contains(&x) && (0.6..=0.8).contains(&y);
    if at_wall && z < 0.25 {
        plus(view.hand, [0.0, 0.0, 1.0])
    } else if at_wall && z < 0.35 {
        [goal[0], goal[1], z]
    } else if (z - goal[2]).abs() > 0.01 {
        [x, y, goal[2]]
    } else {
        goal
    }
}
