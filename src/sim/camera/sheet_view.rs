//! A flat rectangle as a view shows it: where it is in the picture, and what of it a pixel shows.

use super::clip::{Polygon, flatten};
use super::item::Item;
use super::lanes::F4;
use super::pass::plane_of;
use super::projection::Projection;
use super::raster::{Plane, Point};
use super::sheet::Sheet;
use super::spans::MOST_CORNERS;
use super::vector::{Vec3, dot, sub};
use super::view::View;

/// A rectangle in view.
#[derive(Debug, Clone)]
pub struct SheetView {
    /// Its number in its [`super::sheet::Sheets`].
    pub side: usize,
    /// Its nearness.
    pub plane: Plane,
    outline: [[i32; 2]; MOST_CORNERS],
    corners: usize,
    /// Linear functions of the pixel (x, y, 1): s, t and 1, each divided by the distance.
    rows: [[f64; 3]; 3],
}

impl SheetView {
    /// Brings a rectangle of a thing before a view; `None` if it cannot be seen.
    pub fn new(side: usize, sheet: &Sheet, item: &Item, projection: &Projection, view: &View) -> Option<SheetView> {
        if dot(item.normal(sheet.normal), sub(view.eye, item.position(sheet.origin))) <= 0.0 {
            return None;
        }
        let mut ends = sheet.corners().map(|corner| projection.apply(corner));
        if sheet.right_handed == view.mirrored {
            ends.reverse();
        }
        let polygon = Polygon::visible(&ends, view.near);
        let count = polygon.corners().len();
        if count < 3 {
            return None;
        }
        let mut points = [Point::default(); MOST_CORNERS];
        let mut outline = [[0; 2]; MOST_CORNERS];
        for (k, corner) in polygon.corners().iter().enumerate() {
            points[k] = flatten(*corner);
            outline[k] = [points[k].x, points[k].y];
        }
        // With M taking (s, t, 1) to homogeneous pixels, the inverse takes the pixel to (s, t, 1) / distance.
        let linear = |v: Vec3, one: f64| {
            projection.0.map(|row| {
                let [a, b, c] = [0, 1, 2].map(|k| f64::from(row[k]) * f64::from(v[k]));
                a + b + c + f64::from(row[3]) * one
            })
        };
        let (a, b, o) = (linear(sheet.across, 0.0), linear(sheet.along, 0.0), linear(sheet.origin, 1.0));
        let (bo, oa, ab) = (cross(b, o), cross(o, a), cross(a, b));
        let determinant = a[0] * bo[0] + a[1] * bo[1] + a[2] * bo[2];
        if determinant.is_nan() || determinant.abs() <= f64::MIN_POSITIVE {
            return None;
        }
        let inverse = 1.0 / determinant;
        let rows = [bo, oa, ab].map(|row| row.map(|value| value * inverse));
        let plane = plane_of(rows[2], &points[..count]);
        Some(SheetView { side, plane, outline, corners: count, rows })
    }

    /// Its corners in the picture, anticlockwise.
    pub fn outline(&self) -> &[[i32; 2]] {
        &self.outline[..self.corners]
    }

    /// The linear functions of the pixel for values that are o + s · a + t · b on the rectangle, four at a time, each
    /// divided by the distance: along x, along y, and at (0, 0).
    pub fn functions(&self, values: [[f32; 3]; 4]) -> [F4; 3] {
        [0, 1, 2].map(|k| {
            F4::new(values.map(|[o, a, b]| {
                let [s, t, one] = self.rows.map(|row| row[k]);
                (f64::from(o) * one + f64::from(a) * s + f64::from(b) * t) as f32
            }))
        })
    }
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}
