//! Window-open: push the handle to the right.

use super::view::View;
use super::window::push;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    push(view, 1.0, 0.3)
}
