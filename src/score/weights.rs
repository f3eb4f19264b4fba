//! From points to weights, and to the whole numbers that are published and set on the chain.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Points, ScoreError};
use crate::domain::{PointsScale, Scoring, Uid};

/// The full scale of a weight on the chain.
const U16_FULL: f64 = 65_535.0;

/// Weight of each miner; the sum is 1 up to rounding, or the map is empty when nobody earned anything.
pub type Weights = BTreeMap<Uid, f64>;

/// Weights as whole numbers, in the order of the uids.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct U16Weights {
    /// Who.
    pub uids: Vec<Uid>,
    /// How much, `values[i]` for `uids[i]`.
    pub values: Vec<u16>,
}

/// softmax(points / T), shifted by the maximum, with the floor f of `min_weight`: w·(1 − M·f) + f where M·f < 1.
///
/// Differences of points are exact; `exp` is the `libm` crate's, and the sum runs in the order of the uids, so the
/// result is equal to the bit everywhere. All points 0 give no weights at all.
///
/// # Errors
/// [`ScoreError::Setting`] when the temperature or the floor means nothing.
pub fn softmax(points: &BTreeMap<Uid, Points>, available: Points, scoring: &Scoring) -> Result<Weights, ScoreError> {
    let (temperature, floor) = (scoring.pareto_temperature, scoring.min_weight);
    if !(temperature.is_finite() && temperature > 0.0) {
        return Err(ScoreError::Setting {
            field: "pareto_temperature",
            value: temperature,
            expected: "a number above 0",
        });
    }
    if !(0.0..1.0).contains(&floor) {
        return Err(ScoreError::Setting { field: "min_weight", value: floor, expected: "a number from 0 to below 1" });
    }
    let most = points.values().max().copied().unwrap_or_default();
    if most.0 == 0 {
        return Ok(Weights::new());
    }
    let unit = match scoring.points_scale {
        PointsScale::Raw => 1.0,
        PointsScale::Share => available.0 as f64,
    };
    let exp = |points: &Points| libm::exp(-((most.0 - points.0) as f64 / unit / temperature));
    let sum: f64 = points.values().map(exp).sum();
    let miners = points.len() as f64;
    let weight = |points: &Points| {
        let weight = exp(points) / sum;
        if miners * floor < 1.0 { weight * (1.0 - miners * floor) + floor } else { weight }
    };
    Ok(points.iter().map(|(uid, points)| (*uid, weight(points))).collect())
}

/// Weights for publication: trunc(w · 65535) for every miner; the sum is at most 65535.
pub fn publish(weights: &Weights) -> U16Weights {
    let mut published = scaled(weights, |weight| weight * U16_FULL);
    // Rounding in the softmax may leave the weights a trace above 1 together.
    let mut excess = published.values.iter().map(|value| u32::from(*value)).sum::<u32>().saturating_sub(65_535);
    for value in published.values.iter_mut().rev() {
        let taken = excess.min(u32::from(*value));
        *value -= taken as u16;
        excess -= taken;
    }
    published
}

/// Weights for the chain: the largest is 65535, the others in proportion, rounded; zeros are dropped.
pub fn chain_vector(weights: &Weights) -> U16Weights {
    let largest = weights.values().copied().fold(0.0, f64::max);
    if largest <= 0.0 {
        return U16Weights::default();
    }
    let full = scaled(weights, |weight| (weight / largest * U16_FULL).round());
    let (uids, values) = full.uids.into_iter().zip(full.values).filter(|(_, value)| *value > 0).unzip();
    U16Weights { uids, values }
}

fn scaled(weights: &Weights, scale: impl Fn(f64) -> f64) -> U16Weights {
    let uids = weights.keys().copied().collect();
    let values = weights.values().map(|&weight| scale(weight).clamp(0.0, U16_FULL) as u16).collect();
    U16Weights { uids, values }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn points(values: &[u128]) -> BTreeMap<Uid, Points> {
        values.iter().enumerate().map(|(uid, &points)| (Uid(uid as u16), Points(points))).collect()
    }

    fn weights(values: &[u128], scoring: &Scoring) -> Vec<f64> {
        softmax(&points(values), Points(100), scoring).unwrap().into_values().collect()
    }

    fn assert_close(actual: &[f64], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len());
        assert!(actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 5e-7), "{actual:?} {expected:?}");
    }

    fn by_uid(values: &[f64]) -> Weights {
        values.iter().enumerate().map(|(uid, &weight)| (Uid(uid as u16), weight)).collect()
    }

    #[test]
    fn worked_examples_of_the_softmax() {
        assert_close(&weights(&[10, 5, 3], &Scoring::default()), &[0.992408, 0.006687, 0.000905]);
        assert_close(&weights(&[4, 0], &Scoring::default()), &[0.982014, 0.017986]);
    }

    #[test]
    fn worked_examples_of_the_publication() {
        assert_eq!(publish(&by_uid(&[1.0 / 3.0; 3])).values, [21_845; 3]);
        assert_eq!(publish(&by_uid(&[0.15, 0.25, 0.60])).values, [9_830, 16_383, 39_321]);
    }

    #[test]
    fn nobody_is_paid_for_nothing() {
        assert!(weights(&[0, 0, 0], &Scoring { min_weight: 0.1, ..Scoring::default() }).is_empty());
        assert_eq!(publish(&Weights::new()), U16Weights::default());
        assert_eq!(chain_vector(&Weights::new()), U16Weights::default());
    }

    #[test]
    fn the_floor_lifts_everybody_and_keeps_the_sum() {
        let lifted = weights(&[40, 0, 0, 0], &Scoring { min_weight: 0.05, ..Scoring::default() });
        assert_close(&lifted, &[0.85, 0.05, 0.05, 0.05]);
        let impossible = weights(&[40, 0, 0, 0], &Scoring { min_weight: 0.3, ..Scoring::default() });
        assert_close(&impossible, &[1.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn shares_make_the_temperature_independent_of_the_points_there_are() {
        let scoring = Scoring { points_scale: PointsScale::Share, pareto_temperature: 0.1, ..Scoring::default() };
        assert_close(&weights(&[80, 40], &scoring), &[0.982014, 0.017986]);
    }

    #[test]
    fn points_beyond_the_range_of_floats_give_finite_weights() {
        let huge = weights(&[3u128.pow(50), 3u128.pow(50) - 1, 0], &Scoring::default());
        assert_close(&huge, &[0.731059, 0.268941, 0.0]);
    }

    #[test]
    fn the_chain_gets_the_largest_at_full_scale_and_no_zeros() {
        let vector = chain_vector(&by_uid(&[0.25, 0.0, 0.5, 1e-9]));
        assert_eq!((vector.uids, vector.values), (vec![Uid(0), Uid(2)], vec![32_768, 65_535]));
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let scoring = Scoring { pareto_temperature: temperature, ..Scoring::default() };
            assert!(matches!(softmax(&points(&[1]), Points(1), &scoring), Err(ScoreError::Setting { .. })));
        }
        for min_weight in [-0.1, 1.0, f64::NAN] {
            let scoring = Scoring { min_weight, ..Scoring::default() };
            assert!(matches!(softmax(&points(&[1]), Points(1), &scoring), Err(ScoreError::Setting { .. })));
        }
    }

    proptest! {
        #[test]
        fn weights_sum_to_one_and_never_overflow_the_scale(values in prop::collection::vec(0u128..50, 1..300)) {
            prop_assume!(values.iter().any(|points| *points > 0));
            let weights = softmax(&points(&values), Points(100), &Scoring::default()).unwrap();
            prop_assert!((weights.values().sum::<f64>() - 1.0).abs() < 1e-12);
            let published = publish(&weights);
            prop_assert!(published.values.iter().map(|v| u32::from(*v)).sum::<u32>() <= 65_535);
            prop_assert_eq!(published.uids.len(), values.len());
            prop_assert_eq!(chain_vector(&weights).values.into_iter().max(), Some(65_535));
        }
    }
}
