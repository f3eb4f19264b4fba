//! What `meta/stats.json` says of each feature.

use serde_json::{Value, json};

use crate::domain::Frame;

/// Counts of every value of red, green and blue over pictures.
#[derive(Debug, Clone)]
pub struct PictureStatistics {
    counts: [[u64; 256]; 3],
}

impl PictureStatistics {
    pub(super) fn new() -> PictureStatistics {
        PictureStatistics { counts: [[0; 256]; 3] }
    }

    pub(super) fn count(&mut self, frame: &Frame) {
        for pixel in frame.rgb().chunks_exact(3) {
            for (counts, value) in self.counts.iter_mut().zip(pixel) {
                counts[usize::from(*value)] += 1;
            }
        }
    }

    pub(super) fn add(&mut self, other: &PictureStatistics) {
        for (mine, theirs) in self.counts.iter_mut().flatten().zip(other.counts.iter().flatten()) {
            *mine += theirs;
        }
    }

    /// Shape (3, 1, 1), in units of 255; `count` is in frames.
    pub(super) fn json(&self, frames: u64) -> Value {
        let of =
            |one: fn(&[u64; 256]) -> f64| self.counts.iter().map(|counts| json!([[one(counts)]])).collect::<Value>();
        json!({ "min": of(lowest), "max": of(highest), "mean": of(mean), "std": of(deviation), "count": [frames] })
    }
}

fn lowest(counts: &[u64; 256]) -> f64 {
    counts.iter().position(|count| *count > 0).unwrap_or(0) as f64 / 255.0
}

fn highest(counts: &[u64; 256]) -> f64 {
    counts.iter().rposition(|count| *count > 0).unwrap_or(0) as f64 / 255.0
}

fn moment(counts: &[u64; 256], of: impl Fn(f64) -> f64) -> f64 {
    let all: u64 = counts.iter().sum();
    let sum: f64 = counts.iter().enumerate().map(|(value, count)| *count as f64 * of(value as f64 / 255.0)).sum();
    sum / all.max(1) as f64
}

fn mean(counts: &[u64; 256]) -> f64 {
    moment(counts, |value| value)
}

fn deviation(counts: &[u64; 256]) -> f64 {
    let mean = mean(counts);
    moment(counts, |value| (value - mean) * (value - mean)).sqrt()
}

/// Statistics of numbers as they come, each column for itself: Welford's algorithm.
#[derive(Debug, Clone)]
pub(super) struct NumberStatistics {
    columns: Vec<Column>,
    count: u64,
}

#[derive(Debug, Clone)]
struct Column {
    min: f64,
    max: f64,
    mean: f64,
    squares: f64,
}

impl NumberStatistics {
    pub(super) fn new(width: usize) -> NumberStatistics {
        let column = Column { min: f64::INFINITY, max: f64::NEG_INFINITY, mean: 0.0, squares: 0.0 };
        NumberStatistics { columns: vec![column; width], count: 0 }
    }

    pub(super) fn count(&mut self, values: &[f64]) {
        self.count += 1;
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.min = column.min.min(*value);
            column.max = column.max.max(*value);
            let away = value - column.mean;
            column.mean += away / self.count as f64;
            column.squares += away * (value - column.mean);
        }
    }

    pub(super) fn json(&self) -> Value {
        let of = |one: &dyn Fn(&Column) -> f64| self.columns.iter().map(one).collect::<Vec<f64>>();
        let deviation = |column: &Column| (column.squares / self.count.max(1) as f64).sqrt();
        json!({
            "min": of(&|column| column.min),
            "max": of(&|column| column.max),
            "mean": of(&|column| column.mean),
            "std": of(&deviation),
            "count": [self.count],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_mean_and_the_deviation_of_all_of_them() {
        let mut statistics = NumberStatistics::new(2);
        for values in [[1.0, -4.0], [2.0, 0.0], [6.0, 4.0]] {
            statistics.count(&values);
        }
        let json = statistics.json();
        assert_eq!(json["mean"], json!([3.0, 0.0]));
        assert_eq!(
            (&json["min"], &json["max"], &json["count"]),
            (&json!([1.0, -4.0]), &json!([6.0, 4.0]), &json!([3]))
        );
        let deviation = json["std"][0].as_f64().unwrap();
        assert!((deviation * deviation - 14.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn pictures_are_counted_by_colour() {
        let mut statistics = PictureStatistics::new();
        statistics.count(&Frame::new(2, 1, vec![0, 51, 255, 0, 153, 255]).unwrap());
        let mut all = PictureStatistics::new();
        all.add(&statistics);
        let json = all.json(1);
        assert_eq!(json["mean"], json!([[[0.0]], [[0.4]], [[1.0]]]));
        assert_eq!(json["min"], json!([[[0.0]], [[0.2]], [[1.0]]]));
        assert!((json["std"][1][0][0].as_f64().unwrap() - 0.2).abs() < 1e-12);
    }
}
