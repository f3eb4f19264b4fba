//! Window-close: push the handle to the left.

use super::view::View;
use super::window::push;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    push(view, -1.0, 0.25)
}
