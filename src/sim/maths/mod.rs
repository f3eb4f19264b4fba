//! One set of maths functions for every CPU, and the proof that libmujoco uses it.

mod pin;
mod symbols;

pub use pin::prove_maths_pin;

/// Names the maths functions in the engine fingerprint.
pub(super) const MATHS: &str = "libm 0.2.16";
