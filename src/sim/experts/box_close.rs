//! Box-close: grasp the lid's handle, lift it and carry it over the box.

use super::view::View;
use crate::sim::norm::{distance, xy};

/// Height from which the hand comes down on the handle.
const APPROACH_Z: f64 = 0.2;

/// Height at which the lid is carried.
const CARRY_Z: f64 = 0.15;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let hand = view.hand;
    let handle = view.object_shifted([0.0, 0.0, 0.02]);
    let off_handle = distance(xy(hand), xy(handle)) > 0.01;
    let above_handle = (hand[2] - handle[2]).abs();
    let target = if off_handle {
        [handle[0], handle[1], APPROACH_Z]
    } else if above_handle > 0.05 {
        handle
    } else if (hand[2] - CARRY_Z).abs() > 0.04 {
        [hand[0], hand[1], CARRY_Z]
    } else {
        [view.goal[0], view.goal[1], CARRY_Z]
    };
    let away = off_handle || above_handle > 0.13;
    view.move_to(target, 25.0, if away { 0.5 } else { 1.0 })
}
