//! How much each corner of a triangle counts in a pixel, in true perspective.

use super::clip::Homogeneous;
use super::raster::{Point, UNITS};
use super::vector::Vec3;

/// The shares of three corners in the middle of a pixel; their sum is 1.
#[derive(Debug, Clone, Copy)]
pub struct Shares {
    /// The shares.
    pub here: Vec3,
    /// Changes, to the pixel to the right and to the one above, of what the shares are proportional to; by corner.
    rows: [[f32; 2]; 3],
    /// One by the sum of what they are proportional to.
    inverse: f32,
}

impl Shares {
    /// For corners that are all in view.
    #[inline(always)]
    pub fn of_points([a, b, c]: &[Point; 3], x: i32, y: i32) -> Shares {
        let half = UNITS as i32 / 2;
        let (px, py) = (x * UNITS as i32 + half, y * UNITS as i32 + half);
        // Areas of the triangles that the pixel's middle makes with the opposite edges, by nearness. Differences of
        // coordinates are whole numbers that single precision holds.
        let edge = |from: &Point, to: &Point, opposite: &Point| {
            let (dx, dy) = ((to.x - from.x) as f32, (to.y - from.y) as f32);
            let area = dx * (py - from.y) as f32 - dy * (px - from.x) as f32;
            (area * opposite.nearness, [-dy * opposite.nearness * UNITS, dx * opposite.nearness * UNITS])
        };
        let (a, b, c) = (edge(b, c, a), edge(c, a, b), edge(a, b, c));
        Shares::new([a.0, b.0, c.0], [a.1, b.1, c.1])
    }

    /// For any corners, also behind the camera.
    pub fn of_corners(corners: &[Homogeneous; 3], x: i32, y: i32) -> Shares {
        // The rows of the adjugate of the matrix of corners are linear functions of the pixel (x, y, 1).
        let [a, b, c] = corners.map(|corner| corner.map(f64::from));
        let cross = |a: [f64; 3], b: [f64; 3]| {
            [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
        };
        let rows = [cross(b, c), cross(c, a), cross(a, b)];
        let largest = rows.iter().flatten().fold(0.0, |most: f64, value| most.max(value.abs()));
        let scale = 1.0 / largest.max(f64::MIN_POSITIVE);
        let (px, py) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
        let here = rows.map(|row| ((row[0] * px + row[1] * py + row[2]) * scale) as f32);
        Shares::new(here, rows.map(|row| [row[0], row[1]].map(|value| (value * scale) as f32)))
    }

    #[inline(always)]
    fn new([a, b, c]: Vec3, rows: [[f32; 2]; 3]) -> Shares {
        let inverse = 1.0 / (a + b + c);
        Shares { here: [a * inverse, b * inverse, c * inverse], rows, inverse }
    }

    /// The changes of the shares to the pixel to the right and to the one above.
    pub fn changes(&self) -> [Vec3; 2] {
        [0, 1].map(|axis| {
            let sum = self.rows[0][axis] + self.rows[1][axis] + self.rows[2][axis];
            [0, 1, 2].map(|k| (self.rows[k][axis] - self.here[k] * sum) * self.inverse)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::clip::flatten;
    use super::*;

    const CORNERS: [Homogeneous; 3] = [[2.0, 3.0, 1.0], [40.0, 8.0, 2.0], [15.0, 60.0, 3.0]];

    fn close(a: Vec3, b: Vec3) {
        for k in 0..3 {
            assert!((a[k] - b[k]).abs() < 2e-3, "{a:?} {b:?}");
        }
    }

    #[test]
    fn shares_are_those_of_the_point_seen() {
        // The middle of the triangle in space is seen at its mean homogeneous coordinates.
        let middle = [0, 1, 2].map(|k| (CORNERS[0][k] + CORNERS[1][k] + CORNERS[2][k]) / 3.0);
        let (x, y) = ((middle[0] / middle[2]) as i32, (middle[1] / middle[2]) as i32);
        let shares = Shares::of_corners(&CORNERS, x, y).here;
        let seen = [0, 1, 2].map(|k| (0..3).map(|c| CORNERS[c][k] * shares[c]).sum::<f32>());
        assert!((seen[0] / seen[2] - (x as f32 + 0.5)).abs() < 1e-3);
        assert!((seen[1] / seen[2] - (y as f32 + 0.5)).abs() < 1e-3);
    }

    #[test]
    fn both_ways_agree() {
        for (x, y) in [(6, 8), (10, 12), (3, 4)] {
            let exact = Shares::of_corners(&CORNERS, x, y);
            let rounded = Shares::of_points(&CORNERS.map(flatten), x, y);
            close(exact.here, rounded.here);
            let (exact, rounded) = (exact.changes(), rounded.changes());
            close(exact[0], rounded[0]);
            close(exact[1], rounded[1]);
        }
    }

    #[test]
    fn changes_lead_to_the_neighbours() {
        let at = |x, y| Shares::of_corners(&CORNERS, x, y);
        let [dx, _] = at(8, 10).changes();
        let next = at(9, 10).here;
        for k in 0..3 {
            let estimate = at(8, 10).here[k] + dx[k];
            assert!((estimate - next[k]).abs() < 0.02, "{estimate} {}", next[k]);
        }
    }
}
