//! Button-press: line up with the button in x and z while backing off, then push.

use super::view::View;

/// Farthest that the hand may be off the button, in x and z, to push it.
const ALIGNED_M: f64 = 0.02;
/// What numpy's `isclose` adds to a tolerance: this share of the second number.
const ISCLOSE_RELATIVE: f64 = 1e-5;

/// The next action.
pub fn act(view: &View) -> [f32; 4] {
    let mut target = view.object_shifted([0.0, 0.0, -0.07]);
    let aligned = [0, 2].into_iter().all(|axis| is_close(view.hand[axis], target[axis]));
    if aligned {
        target[1] += 0.02;
    } else {
        target[1] = view.hand[1] - 0.1;
    }
    view.move_to(target, 25.0, 0.0)
}

/// `numpy.isclose(a, b, atol=ALIGNED_M)` of finite numbers.
fn is_close(a: f64, b: f64) -> bool {
    (a - b).abs() <= ALIGNED_M + ISCLOSE_RELATIVE * b.abs()
}
