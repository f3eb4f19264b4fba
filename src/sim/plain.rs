//! The renderer once more, on the plain twin of its lanes: its tests, which pin bytes of pictures, run on both.

use super::maths::lanes::plain as lanes;

#[path = "camera/mod.rs"]
#[allow(dead_code, unused_imports, clippy::duplicate_mod)]
mod camera;
