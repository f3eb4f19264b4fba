//! Proves that libmujoco computes with our maths functions.

use super::symbols;
use crate::sim::engine;
use crate::sim::error::SimError;

/// An angle whose sine our `libm` and every glibc round to different doubles: the true value lies 0.22 units in the
/// last place from what glibc gives (its variants err by less than 0.56) and 0.78 from what `libm` gives.
const TELLING_ANGLE: f64 = f64::from_bits(0x3fe9_2f6c_5afa_08af);

/// How SSE rounds on a fresh x86-64 thread: to nearest, nothing flushed to zero, no traps. Threads take it over from the
/// one that started them.
const DEFAULT_ROUNDING: u32 = 0x1f80;

/// The bits of MXCSR that decide results; the others only tell what has happened.
const ROUNDING_MASK: u32 = 0xffc0;

/// Checks that this thread, and so every thread that it starts, rounds as usual. A library that is loaded into the
/// program could have changed that, which neither addresses nor one sine need to show.
fn prove_rounding() -> Result<(), SimError> {
    let found = rounding();
    if found == DEFAULT_ROUNDING { Ok(()) } else { Err(SimError::Rounding { found }) }
}

#[cfg(target_arch = "x86_64")]
fn rounding() -> u32 {
    let mut word: u32 = 0;
    // SAFETY: the instruction stores four bytes there and does nothing else.
    unsafe { std::arch::asm!("stmxcsr [{}]", in(reg) &raw mut word, options(nostack, preserves_flags)) };
    word & ROUNDING_MASK
}

#[cfg(not(target_arch = "x86_64"))]
fn rounding() -> u32 {
    DEFAULT_ROUNDING
}

/// Checks that libmujoco's `sin`, `pow`, … are the ones of this program and not those of the system's libm, whose
/// results depend on the CPU: each name must be bound to our function, and a sine computed inside libmujoco must
/// have our bits. Also that the CPU rounds as usual. With the feature `system-maths` the functions need no proof, and the
/// fingerprint says so.
///
/// # Errors
/// [`SimError::MathsNotPinned`] naming the first function that is not ours; [`SimError::Rounding`].
pub fn prove_maths_pin() -> Result<(), SimError> {
    prove_rounding()?;
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_rounds_otherwise_is_refused() {
        let set = |word: u32| {
            // SAFETY: only rounding changes, on this thread, and it is changed back.
            unsafe { std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const word, options(nostack, preserves_flags)) };
        };
        // Upwards; tiny numbers flushed to zero; taken as zero.
        for change in [0x4000, 0x8000, 0x0040] {
            set(DEFAULT_ROUNDING | change);
            let found = prove_rounding();
            set(DEFAULT_ROUNDING);
            assert!(matches!(found, Err(SimError::Rounding { found }) if found == DEFAULT_ROUNDING | change));
        }
        prove_rounding().unwrap();
    }
}
