//! Handle-press: over the handle, then far down with open fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    press(view, view.object_shifted([0.0, -0.02, 0.0]), -1.0)
}

/// The next action of a hand that comes down on `aim`.
pub(super) fn press(view: &View, aim: [f64; 3], grip: f64) -> [f32; 4] {
    let away = distance(xy(view.hand), xy(aim)) > 0.02;
    view.move_to(plus(aim, [0.0, 0.0, if away { 0.2 } else { -0.5 }]), 25.0, grip)
}
