//! Assembly: grasp the nut's handle, lift it, carry the ring over the peg and drop it there.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let handle = view.object_shifted([-0.02, 0.0, 0.0]);
    let over_peg = plus(view.goal, [0.12, 0.0, 0.14]);
    let off_handle = distance(xy(hand), xy(handle)) > 0.02;
    let above_handle = (hand[2] - handle[2]).abs();
    let target = if off_handle {
        plus(handle, [0.0, 0.0, 0.1])
    } else if distance(xy(hand), xy(over_peg)) <= 0.02 {
        plus(over_peg, [0.0, 0.0, -0.2])
    } else if above_handle > 0.05 {
        plus(handle, [0.0, 0.0, 0.03])
    } else if (hand[2] - over_peg[2]).abs() > 0.04 {
        [hand[0], hand[1], over_peg[2]]
    } else {
        over_peg
    };
    let away = off_handle || above_handle > 0.12;
    view.move_to(target, 10.0, if away { 0.0 } else { 0.6 })
}
