//! Button-press-topdown: over the button, then down on it with closed fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    press(view, view.object, 1.0)
}

/// The next action of a hand that comes down on `aim`.
pub(super) fn press(view: &View, aim: [f64; 3], grip: f64) -> [f32; 4] {
    let away = distance(xy(view.hand), xy(aim)) > 0.04;
    view.move_to(if away { plus(aim, [0.0, 0.0, 0.1]) } else { aim }, 25.0, grip)
}
