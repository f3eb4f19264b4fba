//! The funnels of height that rewards put around a thing on which the hand must come down from above.

use crate::sim::rewards::{Sigmoid, tolerance};

/// A floor for the hand that rises with the distance from an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Funnel {
    /// Nearer to the axis than this there is no floor, metres.
    pub(super) radius_m: f64,
    /// Rise of the floor where the distance from the edge grows e-fold, metres.
    pub(super) slope_m: f64,
    /// Height of the floor one metre from the edge, metres.
    pub(super) height_m: f64,
}

impl Funnel {
    /// The floor at a distance from the axis, metres; 0 within the radius.
    pub(super) fn floor(&self, distance_m: f64) -> f64 {
        if distance_m <= self.radius_m {
            0.0
        } else {
            self.slope_m * libm::log(distance_m - self.radius_m) + self.height_m
        }
    }
}

/// Reward for a height on or above the floor, falling off over `margin_m` below it.
pub(super) fn staying_above(height_m: f64, floor_m: f64, margin_m: f64) -> f64 {
    if height_m >= floor_m { 1.0 } else { tolerance(floor_m - height_m, (0.0, 0.01), margin_m, Sigmoid::LongTail) }
}
