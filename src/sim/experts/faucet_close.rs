//! Faucet-close: push the handle to the left.

use super::faucet::push;
use super::view::View;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    push(view, -1.0)
}
