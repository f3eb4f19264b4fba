//! Coffee-button: line up with the button in x and z, then push far.

use super::view::View;
use crate::sim::norm::{distance, plus, xz};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([0.0, 0.0, -0.07]);
    let away = distance(xz(view.hand), xz(aim)) > 0.02;
    let target = if away { [aim[0], view.hand[1], aim[2]] } else { plus(aim, [0.0, 0.2, 0.0]) };
    view.move_to(target, 10.0, -1.0)
}
