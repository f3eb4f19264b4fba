//! Button-press-topdown: over the button, then down on it; behind the wall nearer to the wall and with open fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action without a wall.
pub fn act(view: &View) -> [f32; 4] {
    press(view, view.object, 1.0)
}

/// The next action with a wall.
pub fn act_behind_wall(view: &View) -> [f32; 4] {
    press(view, view.object_shifted([0.0, -0.06, 0.0]), -1.0)
}

/// Comes down on `aim`.
fn press(view: &View, aim: [f64; 3], grip: f64) -> [f32; 4] {
    let away = distance(xy(view.hand), xy(aim)) > 0.04;
    view.move_to(if away { plus(aim, [0.0, 0.0, 0.1]) } else { aim }, 25.0, grip)
}
