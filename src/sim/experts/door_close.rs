//! Door-close: back over the handle if the hand is past it, down beside it, then to the goal.

use super::view::View;
use crate::sim::norm::plus;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let door = view.object_shifted([0.05, 0.12, 0.1]);
    let past = hand[0] > door[0];
    let target = if past && hand[2] < door[2] + 0.2 {
        [hand[0], hand[1], door[2] + 0.25]
    } else if past {
        [door[0] - 0.02, door[1], hand[2]]
    } else if (hand[2] - door[2]).abs() > 0.04 {
        plus(door, [-0.02, 0.0, 0.0])
    } else {
        view.goal
    };
    view.move_to(target, 25.0, 1.0)
}
