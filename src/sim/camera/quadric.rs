//! How far a point is from a set of planes, on average.

/// The sum of the squared distances from planes, each by its weight, as a quadratic function of the point.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quadric {
    /// Of x², xy, xz, y², yz, z².
    square: [f64; 6],
    /// Of x, y, z.
    linear: [f64; 3],
    constant: f64,
    weight: f64,
}

impl Quadric {
    /// Of the plane through a triangle, weighted by its area. A triangle without area has no weight.
    pub fn of_plane([a, b, c]: [[f64; 3]; 3]) -> Quadric {
        let (u, v) = ([0, 1, 2].map(|k| b[k] - a[k]), [0, 1, 2].map(|k| c[k] - a[k]));
        let normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
        let area = (normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]).sqrt();
        if area.is_nan() || area <= 0.0 {
            return Quadric::default();
        }
        let [x, y, z] = normal.map(|value| value / area);
        let d = -(x * a[0] + y * a[1] + z * a[2]);
        let scaled = |value: f64| value * area;
        Quadric {
            square: [x * x, x * y, x * z, y * y, y * z, z * z].map(scaled),
            linear: [x * d, y * d, z * d].map(scaled),
            constant: scaled(d * d),
            weight: area,
        }
    }

    /// Adds the planes of another.
    pub fn add(&mut self, other: &Quadric) {
        for (mine, theirs) in self.square.iter_mut().zip(other.square) {
            *mine += theirs;
        }
        for (mine, theirs) in self.linear.iter_mut().zip(other.linear) {
            *mine += theirs;
        }
        self.constant += other.constant;
        self.weight += other.weight;
    }

    /// The square of the distance that a point's move to here looks like: the mean distance from the planes, but no less
    /// than if all of it came from a spot of [`SPOT`] by that distance.
    pub fn error(&self, point: [f64; 3]) -> f64 {
        if self.weight <= 0.0 {
            return 0.0;
        }
        let sum = self.sum(point);
        let (mean, spot) = (sum / self.weight, (sum / SPOT).sqrt());
        if mean > spot { mean } else { spot }
    }

    /// The point that is nearest to all planes; `None` if there are many or it can hardly be found.
    pub fn nearest(&self) -> Option<[f64; 3]> {
        let [xx, xy, xz, yy, yz, zz] = self.square;
        // The columns of the adjugate of the matrix, which is symmetric.
        let columns = [
            [yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy],
            [xz * yz - xy * zz, xx * zz - xz * xz, xy * xz - xx * yz],
            [xy * yz - xz * yy, xy * xz - xx * yz, xx * yy - xy * xy],
        ];
        let determinant = xx * columns[0][0] + xy * columns[0][1] + xz * columns[0][2];
        let trace = xx + yy + zz;
        if determinant.is_nan() || determinant <= LEAST_DETERMINANT * trace * trace * trace {
            return None;
        }
        let [a, b, c] = self.linear.map(|value| -value / determinant);
        Some([0, 1, 2].map(|k| columns[0][k] * a + columns[1][k] * b + columns[2][k] * c))
    }

    /// The sum of the squared distances of a point, each by its weight.
    fn sum(&self, [x, y, z]: [f64; 3]) -> f64 {
        let [xx, xy, xz, yy, yz, zz] = self.square;
        let square = xx * x * x + yy * y * y + zz * z * z + 2.0 * (xy * x * y + xz * x * z + yz * y * z);
        let linear = 2.0 * (self.linear[0] * x + self.linear[1] * y + self.linear[2] * z);
        (square + linear + self.constant).max(0.0)
    }
}

/// Planes whose normals' matrix has a determinant less than this share of its trace's cube have no clear nearest point.
const LEAST_DETERMINANT: f64 = 1e-4;

/// Area, in squares of its error, of a spot that is seen as such: errors are less than a pixel.
const SPOT: f64 = 40.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squared_distances_are_summed_by_area() {
        // The plane z = 1 with area 1, and the plane x = 0 with area 4 (doubled: 2 and 8).
        let mut quadric = Quadric::of_plane([[0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [0.0, 1.0, 1.0]]);
        quadric.add(&Quadric::of_plane([[0.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 2.0]]));
        let sum = quadric.sum([3.0, 7.0, 2.0]);
        assert!((sum - (1.0 * 2.0 + 9.0 * 8.0)).abs() < 1e-9, "{sum}");
        assert!(quadric.error([0.0, -5.0, 1.0]) < 1e-9);
    }

    #[test]
    fn a_large_flat_neighbourhood_does_not_hide_a_small_bump() {
        let mut quadric = Quadric::of_plane([[0.0; 3], [100.0, 0.0, 0.0], [0.0, 100.0, 0.0]]);
        assert_eq!(quadric.error([7.0, 3.0, 0.0]), 0.0);
        quadric.add(&Quadric::of_plane([[0.0, 0.0, 5.0], [5.0, 0.0, 5.0], [0.0, 5.0, 5.0]]));
        let mean = 25.0 * 25.0 / 10_025.0;
        assert!(quadric.error([0.0; 3]) > 20.0 * mean);
    }

    #[test]
    fn three_planes_meet_in_a_point() {
        let mut quadric = Quadric::of_plane([[0.0, 0.0, 1.0], [2.0, 0.0, 1.0], [0.0, 1.0, 1.0]]);
        quadric.add(&Quadric::of_plane([[3.0, 0.0, 0.0], [3.0, 4.0, 0.0], [3.0, 0.0, 2.0]]));
        assert_eq!(quadric.nearest(), None);
        quadric.add(&Quadric::of_plane([[0.0, 2.0, 0.0], [1.0, 2.0, 0.0], [0.0, 2.0, 2.0]]));
        let nearest = quadric.nearest().expect("three planes");
        assert!((0..3).all(|k| (nearest[k] - [3.0, 2.0, 1.0][k]).abs() < 1e-9), "{nearest:?}");
    }

    #[test]
    fn a_triangle_without_area_does_not_count() {
        let quadric = Quadric::of_plane([[0.0; 3], [1.0; 3], [2.0; 3]]);
        assert_eq!(quadric.error([5.0, 0.0, 0.0]), 0.0);
    }
}
