//! Turning the faucet: over one side of the handle, down there, then push to the other side.

use super::view::View;
use crate::sim::norm::{distance, plus, xy};

/// The next action; `way` is the sign of the push along x.
pub(super) fn push(view: &View, way: f64) -> [f32; 4] {
    let beside = view.object_shifted([way * -0.04, 0.0, 0.03]);
    let target = if distance(xy(view.hand), xy(beside)) > 0.04 {
        plus(beside, [0.0, 0.0, 0.1])
    } else if (view.hand[2] - beside[2]).abs() > 0.04 {
        beside
    } else {
        plus(beside, [way * 0.1, 0.05, 0.0])
    };
    view.move_to(target, 25.0, 1.0)
}
