//! The first thing in which a recording and its replay differ.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::{CameraName, Digest};

/// One value that should be equal and is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The step, counted from 1; 0 is the reset; none where the difference belongs to no step.
    pub step: Option<u32>,
    /// Which value.
    pub field: String,
    /// What must be there: what the replay, or the rule, gives.
    pub expected: String,
    /// What the recording says.
    pub got: String,
}

impl Difference {
    /// A difference at a step.
    pub fn at(step: u32, field: impl Into<String>, expected: impl ToString, got: impl ToString) -> Difference {
        Difference { step: Some(step), ..Difference::of(field, expected, got) }
    }

    /// A difference that belongs to no step.
    pub fn of(field: impl Into<String>, expected: impl ToString, got: impl ToString) -> Difference {
        Difference { step: None, field: field.into(), expected: expected.to_string(), got: got.to_string() }
    }

    /// A picture whose digest is another one.
    pub(super) fn of_frame(step: u32, camera: &CameraName, expected: &Digest, got: &Digest) -> Difference {
        Difference::at(step, format!("{FRAME}{camera}"), expected, got)
    }

    /// Step and name of the camera, if a picture is what differs.
    pub fn frame(&self) -> Option<(u32, &str)> {
        Some((self.step?, self.field.strip_prefix(FRAME)?))
    }
}

/// What the field of a picture begins with; its camera's name follows.
const FRAME: &str = "frame of ";

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = self.step {
            write!(f, "step {step}, ")?;
        }
        write!(f, "{}: expected {}, got {}", self.field, self.expected, self.got)
    }
}

/// A double for a difference: the decimal that reads back as the same number, and its bits, since only they tell −0 from 0.
pub(super) fn shown(value: f64) -> String {
    format!("{value:?} (0x{:016x})", value.to_bits())
}

/// Compares doubles bit by bit, so that equal NaNs are equal and zeros of different sign are not.
pub(super) fn same_bits(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}

/// Compares lists of doubles bit by bit and names the first place that differs.
pub(super) fn compare_doubles(step: u32, field: &str, expected: &[f64], got: &[f64]) -> Result<(), Difference> {
    if expected.len() != got.len() {
        let count = |values: &[f64]| format!("{} numbers", values.len());
        return Err(Difference::at(step, field, count(expected), count(got)));
    }
    match expected.iter().zip(got).position(|(a, b)| !same_bits(*a, *b)) {
        None => Ok(()),
        Some(place) => {
            let field = format!("{field}[{place}]");
            Err(Difference::at(step, field, shown(expected[place]), shown(got[place])))
        }
    }
}
