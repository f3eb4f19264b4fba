//! Hammer: grasp the handle, lift it in front of the nail, strike along y.

use super::view::View;
use crate::sim::norm::{distance, plus, xy, xz};

/// The nail's place in the block, and from there to the hand whose hammer hits it.
const NAIL: [f64; 3] = [0.24, 0.71, 0.11];
const STRIKE: [f64; 3] = [-0.19, 0.0, 0.05];

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let handle = view.object_shifted([-0.04, 0.0, -0.01]);
    let strike = plus(NAIL, STRIKE);
    let off_handle = distance(xy(hand), xy(handle)) > 0.04;
    let above_handle = (hand[2] - handle[2]).abs();
    let target = if off_handle {
        plus(handle, [0.0, 0.0, 0.1])
    } else if above_handle > 0.05 && handle[2] < 0.03 {
        plus(handle, [0.0, 0.0, 0.03])
    } else if distance(xz(hand), xz(strike)) > 0.02 {
        [strike[0], hand[1], strike[2]]
    } else {
        strike
    };
    let away = off_handle || above_handle > 0.1;
    view.move_to(target, 10.0, if away { 0.0 } else { 0.8 })
}
