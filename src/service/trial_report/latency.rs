//! How long answers took.

use serde::Serialize;

/// Upper ends of the bars of the histogram, in microseconds; the last bar has none.
const ENDS_US: [u32; 11] = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 300_000, 400_000, 500_000];

/// One bar of the histogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Answers below this many microseconds, and not below the bar before; `None`: all that are left.
    pub below_us: Option<u32>,
    /// How many.
    pub answers: u64,
}

/// Times from the start of sending to the last byte of an answer, over all answered steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Latencies {
    /// How many answers.
    pub answers: u64,
    /// Half of the answers took at most this many microseconds; `None` without answers.
    pub p50_us: Option<u32>,
    /// 95 of 100 took at most this.
    pub p95_us: Option<u32>,
    /// 99 of 100 took at most this.
    pub p99_us: Option<u32>,
    /// The slowest.
    pub max_us: Option<u32>,
    /// How they are spread.
    pub histogram: Vec<Bucket>,
}

impl Latencies {
    /// Of these times in microseconds.
    pub fn of(mut times_us: Vec<u32>) -> Latencies {
        times_us.sort_unstable();
        // The nearest rank: the smallest time that enough answers kept to.
        let percentile = |percent: usize| {
            let rank = (times_us.len() * percent).div_ceil(100);
            rank.checked_sub(1).and_then(|place| times_us.get(place)).copied()
        };
        let mut histogram = Vec::new();
        let mut before = 0;
        for below in ENDS_US.map(Some).into_iter().chain([None]) {
            let upto = below.map_or(times_us.len(), |end| times_us.partition_point(|time| *time < end));
            histogram.push(Bucket { below_us: below, answers: (upto - before) as u64 });
            before = upto;
        }
        Latencies {
            answers: times_us.len() as u64,
            p50_us: percentile(50),
            p95_us: percentile(95),
            p99_us: percentile(99),
            max_us: times_us.last().copied(),
            histogram,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let of = Latencies::of((1..=200).rev().map(|time| time * 1_000).collect());
        assert_eq!((of.p50_us, of.p95_us, of.p99_us), (Some(100_000), Some(190_000), Some(198_000)));
        assert_eq!((of.answers, of.max_us), (200, Some(200_000)));
        let of = Latencies::of(vec![7]);
        assert_eq!((of.p50_us, of.p99_us), (Some(7), Some(7)));
    }

    #[test]
    fn every_answer_stands_in_one_bar() {
        let of = Latencies::of(vec![0, 999, 1_000, 4_999, 499_999, 500_000, u32::MAX]);
        let bars: Vec<u64> = of.histogram.iter().map(|bar| bar.answers).collect();
        assert_eq!(bars, [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn without_answers_there_are_no_times() {
        let of = Latencies::of(Vec::new());
        assert_eq!((of.answers, of.p50_us, of.max_us), (0, None, None));
        assert!(of.histogram.iter().all(|bar| bar.answers == 0));
    }
}
