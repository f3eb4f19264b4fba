//! Drawer-open: over the handle, down to it, then pull hard, fingers open.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let handle = view.object_shifted([0.0, 0.0, -0.02]);
    if distance(xy(view.hand), xy(handle)) > 0.06 {
        view.move_to(plus(handle, [0.0, 0.0, 0.3]), 4.0, -1.0)
    } else if (view.hand[2] - handle[2]).abs() > 0.04 {
        view.move_to(handle, 4.0, -1.0)
    } else {
        view.move_to(plus(handle, [0.0, -0.06, 0.0]), 50.0, -1.0)
    }
}
