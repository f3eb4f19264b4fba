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
    match too_close(spec, vector) {
        Some((distance_m, apart_m)) => Err(SimError::TooClose { env: spec.env_id(), distance_m, apart_m }),
        None => Ok(()),
    }
}

/// The distance of object and goal in x and y and the least one, if it is too small.
fn too_close(spec: &TaskSpec, vector: &[f64]) -> Option<(f64, f64)> {
    let apart = spec.apart?;
    let goal = apart.fixed_goal.unwrap_or_else(|| [vector[3], vector[4]]);
    let between = distance([vector[0], vector[1]], goal);
    (between < apart.least_m).then_some((between, apart.least_m))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::task::Apart;
    use crate::sim::tasks::task;

    fn of(name: &str) -> &'static TaskSpec {
        task(&format!("metaworld/{name}").parse().unwrap()).unwrap()
    }

    #[test]
    fn the_object_must_be_far_from_the_goal_in_the_vector_or_from_one_that_stands_still() {
        let near = |name, vector: [f64; 6]| too_close(of(name), &vector).map(|(between, _)| between);
        assert_eq!(near("push-v3", [0.0, 0.7, 0.02, 0.0, 0.8, 0.02]), Some(0.8 - 0.7));
        assert_eq!(near("push-v3", [0.0, 0.6, 0.02, 0.0, 0.8, 0.02]), None);
        // Wherever the other numbers are, the hole is at (0, 0.84).
        assert_eq!(near("sweep-into-v3", [0.0, 0.7, 0.02, 0.3, 0.3, 0.3]), Some(0.84 - 0.7));
        assert_eq!(near("sweep-into-v3", [0.1, 0.7, 0.02, 0.1, 0.7, 0.02]), None);
    }

    #[test]
    fn draws_that_are_too_near_are_drawn_again_whole() {
        let (near, far) = ([0.0, 0.7, 0.02, 0.0, 0.8, 0.015], [0.1, 0.6, 0.02, -0.1, 0.9, 0.015]);
        let mut numbers = near.into_iter().chain(near).chain(far);
        let drawn = draw(of("push-v3"), |_, _| numbers.next().unwrap()).unwrap();
        assert_eq!((drawn, numbers.next()), (far.to_vec(), None));
    }

    #[test]
    fn bounds_without_a_vector_to_keep_end_in_an_error() {
        let middle = |low: f64, high: f64| (low + high) / 2.0;
        let far = TaskSpec { apart: Some(Apart::from_goal(1.0)), ..*of("push-v3") };
        assert!(matches!(draw(&far, middle), Err(SimError::PlacementExhausted(_))));
    }
}
