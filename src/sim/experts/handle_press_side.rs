//! Handle-press-side: over the handle, then far down with closed fingers.

use super::handle_press::press;
use super::view::View;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    press(view, view.object, 1.0)
}
