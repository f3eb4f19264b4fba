//! The maths functions that `kinitro` pins, as a library to preload into the Python oracle (`LD_PRELOAD`), so
//! that libmujoco and numpy use the same sin, cos, exp, log and pow there as here.

#[path = "../../../src/sim/maths/symbols.rs"]
pub mod symbols;
