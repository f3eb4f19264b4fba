//! Handle-pull: under the handle, then up with closed fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let aim = view.object_shifted([0.0, -0.04, 0.0]);
    let target = if distance(xy(view.hand), xy(aim)) > 0.02 {
        aim
    } else if (view.hand[2] - aim[2]).abs() > 0.02 {
        // MetaWorld's policy gives a height here where a point is meant, and numpy takes it for all three coordinates.
        [aim[2]; 3]
    } else {
        plus(aim, [0.0, 0.0, 0.1])
    };
    view.move_to(target, 25.0, 1.0)
}
