//! Confidence interval of a success rate.

use serde::{Deserialize, Serialize};

/// The two-sided 95 % point of the normal distribution.
const Z_95: f64 = 1.959963984540054;

/// An interval of success rates, 0 ≤ low ≤ high ≤ 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The 95 % Wilson score interval (Wilson 1927) of `successes` out of `episodes`; 0 … 1 when there are none.
pub fn wilson(successes: u32, episodes: u32) -> Interval {
    debug_assert!(successes <= episodes);
    if episodes == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let n = f64::from(episodes);
    let p = f64::from(successes) / n;
    let z2 = Z_95 * Z_95;
    let centre = p + z2 / (2.0 * n);
    let half = Z_95 * libm::sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n));
    let scale = 1.0 + z2 / n;
    // At 0 and n the exact ends are 0 and 1; rounding would leave a trace beside them.
    let low = if successes == 0 { 0.0 } else { (centre - half) / scale };
    let high = if successes == episodes { 1.0 } else { (centre + half) / scale };
    Interval { low, high }
}

#[cfg(test)]
mod tests {
    use super::wilson;

    fn close(successes: u32, episodes: u32, low: f64, high: f64) {
        let interval = wilson(successes, episodes);
        assert!((interval.low - low).abs() < 5e-5 && (interval.high - high).abs() < 5e-5, "{interval:?}");
    }

    #[test]
    fn published_values_are_met() {
        close(25, 50, 0.36645, 0.63355);
        close(0, 10, 0.0, 0.27754);
        close(10, 10, 0.72246, 1.0);
        close(81, 263, 0.25525, 0.36621);
    }

    #[test]
    fn nothing_is_known_without_episodes() {
        assert_eq!(wilson(0, 0), super::Interval { low: 0.0, high: 1.0 });
    }

    #[test]
    fn the_rate_lies_inside() {
        for n in 1..60 {
            for k in 0..=n {
                let interval = wilson(k, n);
                let p = f64::from(k) / f64::from(n);
                assert!(0.0 <= interval.low && interval.low <= p && p <= interval.high && interval.high <= 1.0);
            }
        }
    }
}
