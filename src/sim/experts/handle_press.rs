//! Handle-press: over the handle, then far down; from the front with open, from the side with closed fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action from the front.
pub fn act(view: &View) -> [f32; 4] {
    press(view, view.object_shifted([0.0, -0.02, 0.0]), -1.0)
}

/// The next action from the side.
pub fn act_from_side(view: &View) -> [f32; 4] {
    press(view, view.object, 1.0)
}

/// Comes down on `aim`.
fn press(view: &View, aim: [f64; 3], grip: f64) -> [f32; 4] {
    let away = distance(xy(view.hand), xy(aim)) > 0.02;
    view.move_to(plus(aim, [0.0, 0.0, if away { 0.2 } else { -0.5 }]), 25.0, grip)
}
