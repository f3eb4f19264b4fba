//! What moves the arm.

use serde::{Deserialize, Serialize};

/// An action that has passed every check and may reach physics: four finite `f32` in [-1, 1].
///
/// Components 0..3 move the hand along x, y, z of the world, one unit being a centimetre per step;
/// component 3 drives the fingers with **MetaWorld's sign: +1 closes, −1 opens**. (The miners' protocol has the
/// opposite sign; `PolicyProfile::to_action` is the one place that turns it.)
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Action([f32; 4]);

impl Action {
    /// Holds the hand still and leaves the fingers without force.
    pub const ZERO: Action = Action([0.0; 4]);

    /// Clips finite numbers to [-1, 1] and rounds them to `f32`; `None` if any is not finite.
    pub fn clipped(raw: [f64; 4]) -> Option<Action> {
        if raw.iter().any(|value| !value.is_finite()) {
            return None;
        }
        Some(Action(raw.map(|value| value.clamp(-1.0, 1.0) as f32)))
    }

    /// Takes exact `f32` values, as a transcript holds them; `None` unless all are finite and in [-1, 1].
    pub fn exact(values: [f32; 4]) -> Option<Action> {
        // A NaN is in no range, so it is refused here too.
        values.iter().all(|value| (-1.0..=1.0).contains(value)).then_some(Action(values))
    }

    /// The four values.
    pub fn values(&self) -> [f32; 4] {
        self.0
    }

    /// The bit patterns of the four values, as recorded in transcripts.
    pub fn bits(&self) -> [u32; 4] {
        self.0.map(f32::to_bits)
    }

    /// The action of a missed step: no motion, fingers as they were (`gripper` is component 3 of the last action).
    pub fn hold(last: Action) -> Action {
        Action([0.0, 0.0, 0.0, last.0[3]])
    }
}

#[cfg(test)]
mod tests {
    use super::Action;

    #[test]
    fn nothing_that_is_not_finite_passes() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(Action::clipped([0.0, bad, 0.0, 0.0]), None);
        }
        assert_eq!(Action::exact([0.0, f32::NAN, 0.0, 0.0]), None);
        assert_eq!(Action::exact([0.0, 1.1, 0.0, 0.0]), None);
    }

    #[test]
    fn huge_numbers_are_clipped() {
        assert_eq!(Action::clipped([1e308, -1e308, 0.25, -0.0]).unwrap().values(), [1.0, -1.0, 0.25, 0.0]);
    }
}
