//! One set of maths functions for every CPU, and the proof that libmujoco uses it.

pub(super) mod lanes;
mod pin;
mod symbols;

pub use pin::prove_maths_pin;

/// Names the maths functions in the engine fingerprint. Whatever is computed with the system's is nobody else's.
pub(super) const MATHS: &str = if cfg!(feature = "system-maths") { "system" } else { "libm 0.2.16" };
