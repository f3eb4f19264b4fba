//! Disassemble: grasp the nut's handle and lift.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let handle = view.object_shifted([-0.02, 0.0, 0.01]);
    let off_handle = distance(xy(view.hand), xy(handle)) > 0.02;
    let above_handle = (view.hand[2] - handle[2]).abs();
    let target = if off_handle {
        plus(handle, [0.0, 0.0, 0.1])
    } else if above_handle > 0.03 {
        handle
    } else {
        plus(view.hand, [0.0, 0.0, 0.1])
    };
    let away = off_handle || above_handle > 0.07;
    view.move_to(target, 10.0, if away { 0.0 } else { 0.8 })
}
