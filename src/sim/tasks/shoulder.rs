//! How two tasks measure whether the hand is ready: with its shoulder, a point beyond and above the fingers, at the
//! thing to be moved.

use crate::sim::norm::{minus, norm, plus, times};
use crate::sim::rewards::{Sigmoid, tolerance};

/// The shoulder in the frame of the hand, metres.
const SHOULDER_M: [f64; 3] = [0.0, 0.055, 0.07];

/// Weighted distance that counts as there, metres.
const THERE_M: f64 = 0.02;

/// Distance from the shoulder of a hand to `target`, metres, where each axis counts with its weight.
pub(super) fn distance_to(target: [f64; 3], hand: [f64; 3], weights: [f64; 3]) -> f64 {
    norm(&times(minus(plus(hand, SHOULDER_M), target), weights))
}

/// Reward for such a distance, 0.1 where it started.
pub(super) fn readiness(distance: f64, initial_distance: f64) -> f64 {
    tolerance(distance, (0.0, THERE_M), initial_distance, Sigmoid::LongTail)
}
