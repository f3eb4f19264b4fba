//! Drawing task vectors: where objects and goal are.

use super::error::SimError;
use super::norm::distance;
use super::task::TaskSpec;

/// Most draws of one vector. With the registered bounds a draw is admissible at least one time in three, so that
/// this many failures in a row mean wrong bounds and not bad luck.
const MAX_DRAWS: usize = 1000;

/// Largest magnitude of a number in a task vector given from outside, metres; the table is two metres wide.
const MAX_POSITION_M: f64 = 10.0;

/// Draws a task vector uniformly in the task's bounds, again while object and goal are too near.
///
/// `uniform(low, high)` gives the next number.
///
/// # Errors
/// [`SimError::PlacementExhausted`] after [`MAX_DRAWS`] draws.
pub(super) fn draw(spec: &TaskSpec, mut uniform: impl FnMut(f64, f64) -> f64) -> Result<Vec<f64>, SimError> {
    for _ in 0..MAX_DRAWS {
        let vector: Vec<f64> = spec.low.iter().zip(spec.high).map(|(low, high)| uniform(*low, *high)).collect();
        if too_close(spec, &vector).is_none() {
            return Ok(vector);
        }
    }
    Err(SimError::PlacementExhausted(spec.env_id()))
}

/// Checks a task vector that comes from outside. It may lie outside the bounds, as in MetaWorld.
///
/// # Errors
/// Wrong length, a number that is no position, or object and goal nearer than the task allows.
pub(super) fn check(spec: &TaskSpec, vector: &[f64]) -> Result<(), SimError> {
    if vector.len() != spec.low.len() {
        let (expected, found) = (spec.low.len(), vector.len());
        return Err(SimError::TaskVectorLength { env: spec.env_id(), expected, found });
    }
    // A NaN is in no range.
    let bad = vector.iter().position(|value| !(-MAX_POSITION_M..=MAX_POSITION_M).contains(value));
    if let Some(index) = bad {
        return Err(SimError::TaskVectorValue { index, value: vector[index], limit: MAX_POSITION_M });
    }
    match (too_close(spec, vector), spec.apart_m) {
        (Some(distance_m), Some(apart_m)) => Err(SimError::TooClose { env: spec.env_id(), distance_m, apart_m }),
        _ => Ok(()),
    }
}

/// The distance of object and goal in x and y, if it is too small.
fn too_close(spec: &TaskSpec, vector: &[f64]) -> Option<f64> {
    let apart_m = spec.apart_m?;
    let between = distance([vector[0], vector[1]], [vector[3], vector[4]]);
    (between < apart_m).then_some(between)
}
