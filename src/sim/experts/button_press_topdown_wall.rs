//! Button-press-topdown-wall: as without a wall, but nearer to the wall and with open fingers.

use super::button_press_topdown::press;
use super::view::View;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    press(view, view.object_shifted([0.0, -0.06, 0.0]), -1.0)
}
