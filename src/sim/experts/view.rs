//! What the experts read from an observation, and how they move.

use crate::sim::norm::{minus, plus};

/// The parts of an observation that the scripted policies use; metres, world frame.
pub struct View {
    /// The hand.
    pub hand: [f64; 3],
    /// Opening of the fingers, 0 closed … 1 open.
    pub opening: f64,
    /// The task's object: puck, peg, handle or button.
    pub object: [f64; 3],
    /// The task's second object: what the first one is to move; zeros in tasks with one object.
    pub second_object: [f64; 3],
    /// Where it shall go.
    pub goal: [f64; 3],
}

impl View {
    /// Reads a full observation.
    pub fn of(observation: &[f64; 39]) -> View {
        let three = |from: usize| [observation[from], observation[from + 1], observation[from + 2]];
        View { hand: three(0), opening: observation[3], object: three(4), second_object: three(11), goal: three(36) }
    }

    /// The object's position shifted by (x, y, z).
    pub fn object_shifted(&self, by: [f64; 3]) -> [f64; 3] {
        plus(self.object, by)
    }

    /// The action that moves the hand to `target` with proportional gain `gain`, the fingers driven by `grip`.
    /// Computed in double and rounded once to single precision.
    pub fn move_to(&self, target: [f64; 3], gain: f64, grip: f64) -> [f32; 4] {
        let error = minus(target, self.hand);
        [(gain * error[0]) as f32, (gain * error[1]) as f32, (gain * error[2]) as f32, grip as f32]
    }
}
