//! Polygons in front of the camera: what is too near or far beside the picture is cut off.

use super::raster::{Point, UNITS};
use super::spans::MOST_CORNERS;

/// Homogeneous pixel coordinates: (x·w, y·w, w), w the distance along the view in metres. y grows upwards.
pub type Homogeneous = [f32; 3];

/// Corners farther from the picture than this, in pixels, are cut off first.
pub const GUARD: f32 = 8000.0;

/// A convex polygon.
#[derive(Debug, Clone, Copy)]
pub struct Polygon {
    corners: [Homogeneous; MOST_CORNERS],
    count: usize,
}

impl Polygon {
    /// The part of a triangle or rectangle that is at least `near` metres away and not far beside the picture.
    pub fn visible(corners: &[Homogeneous], near: f32) -> Polygon {
        let mut polygon = Polygon { corners: [[0.0; 3]; MOST_CORNERS], count: corners.len() };
        polygon.corners[..corners.len()].copy_from_slice(corners);
        if !corners.iter().all(|corner| is_inside(*corner, near)) {
            polygon = polygon.cut(|c| c[2] - near);
            for axis in [0, 1] {
                polygon = polygon.cut(|c| GUARD * c[2] - c[axis]);
                polygon = polygon.cut(|c| GUARD * c[2] + c[axis]);
            }
        }
        polygon
    }

    /// Its corners.
    pub fn corners(&self) -> &[Homogeneous] {
        &self.corners[..self.count]
    }

    /// The part where `distance` is not negative.
    fn cut(&self, distance: impl Fn(&Homogeneous) -> f32) -> Polygon {
        let mut kept = Polygon { corners: self.corners, count: 0 };
        let mut keep = |corner| {
            // Rounding may split a corner that lies on a plane; a tenth corner would be its double.
            if kept.count < MOST_CORNERS {
                kept.corners[kept.count] = corner;
                kept.count += 1;
            }
        };
        for (k, corner) in self.corners().iter().enumerate() {
            let next = &self.corners[if k + 1 == self.count { 0 } else { k + 1 }];
            let (a, b) = (distance(corner), distance(next));
            if a >= 0.0 {
                keep(*corner);
            }
            if (a >= 0.0) != (b >= 0.0) {
                let share = a / (a - b);
                keep([0, 1, 2].map(|i| corner[i] + (next[i] - corner[i]) * share));
            }
        }
        kept
    }
}

/// Whether a corner can be rounded to a [`Point`].
pub fn is_inside([x, y, w]: Homogeneous, near: f32) -> bool {
    w >= near && x.abs() <= GUARD * w && y.abs() <= GUARD * w
}

/// Added to numbers below 2²², it leaves them rounded to whole ones in the lowest bits.
const ROUNDING: f32 = 12_582_912.0;

/// Rounded pixel coordinates, and the reciprocal distance.
#[inline(always)]
pub fn flatten([x, y, w]: Homogeneous) -> Point {
    let nearness = 1.0 / w;
    let scale = nearness * UNITS;
    Point { x: rounded(x * scale), y: rounded(y * scale), nearness }
}

/// The nearest whole number of a number below 2²².
#[inline(always)]
pub fn rounded(value: f32) -> i32 {
    (value + ROUNDING).to_bits().wrapping_sub(ROUNDING.to_bits()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_rounded_to_units() {
        assert_eq!(flatten([1.0, -2.5, 0.5]), Point { x: 512, y: -1280, nearness: 2.0 });
        assert_eq!(flatten([GUARD, -GUARD, 1.0]).x, GUARD as i32 * 256);
        assert_eq!(flatten([GUARD, -GUARD, 1.0]).y, -(GUARD as i32) * 256);
    }

    #[test]
    fn what_is_behind_the_camera_is_cut_off() {
        let polygon = Polygon::visible(&[[0.0, 0.0, 1.0], [10.0, 0.0, 1.0], [0.0, 10.0, -1.0]], 0.1);
        assert_eq!(polygon.corners().len(), 4);
        assert!(polygon.corners().iter().all(|corner| corner[2] >= 0.1 - 1e-6));
        assert!(Polygon::visible(&[[0.0, 0.0, -1.0]; 3], 0.1).corners().is_empty());
    }

    #[test]
    fn what_is_in_view_stays_as_it_is() {
        let corners = [[0.0, 0.0, 1.0], [10.0, 0.0, 1.0], [0.0, 10.0, 2.0]];
        assert_eq!(Polygon::visible(&corners, 0.1).corners(), corners);
    }
}
