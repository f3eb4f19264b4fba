//! Handle-pull-side: over the handle, down to it, then far up with half-closed fingers.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let handle = view.object;
    let away = distance(xy(view.hand), xy(handle)) > 0.04;
    let height = (view.hand[2] - handle[2]).abs();
    let target = if away {
        plus(handle, [0.0, 0.0, 0.1])
    } else if height > 0.03 {
        handle
    } else {
        plus(handle, [0.0, 0.0, 1.0])
    };
    view.move_to(target, 25.0, if away || height > 0.04 { 0.0 } else { 0.6 })
}
