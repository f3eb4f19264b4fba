//! Proves that libmujoco computes with our maths functions.

use super::symbols;
use crate::sim::engine;
use crate::sim::error::SimError;

/// An angle whose sine our `libm` and every glibc round to different doubles: the true value lies 0.22 units in the
/// last place from what glibc gives (its variants err by less than 0.56) and 0.78 from what `libm` gives.
const TELLING_ANGLE: f64 = f64::from_bits(0x3fe9_2f6c_5afa_08af);

/// Checks that libmujoco's `sin`, `pow`, … are the ones of this program and not those of the system's libm, whose
/// results depend on the CPU: each name must be bound to our function, and a sine computed inside libmujoco must
/// have our bits. With the feature `system-maths` there is nothing to prove, and the fingerprint says so.
///
/// # Errors
/// [`SimError::MathsNotPinned`] naming the first function that is not ours.
pub fn prove_maths_pin() -> Result<(), SimError> {
    if cfg!(feature = "system-maths") {
        return Ok(());
    }
    for (name, address) in symbols::table() {
        if engine::bound_address(name) != address {
            return Err(SimError::MathsNotPinned { symbol: name.to_str().unwrap_or("?") });
        }
    }
    if engine::library_half_angle_sine(2.0 * TELLING_ANGLE).to_bits() != libm::sin(TELLING_ANGLE).to_bits() {
        return Err(SimError::MathsNotPinned { symbol: "sin" });
    }
    Ok(())
}
