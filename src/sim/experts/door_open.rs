//! Door-open: over the handle, down behind it, then pull towards it.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let mut handle = view.object;
    handle[0] -= 0.05;
    let target = if distance(xy(view.hand), xy(handle)) > 0.12 {
        plus(handle, [0.06, 0.02, 0.2])
    } else if (view.hand[2] - handle[2]).abs() > 0.04 {
        plus(handle, [0.06, 0.02, 0.0])
    } else {
        handle
    };
    view.move_to(target, 25.0, 1.0)
}
