//! Which samples of a grid a triangle or a convex polygon covers.
//!
//! Corners are rounded to 1/256 and edges are computed in whole numbers, so that neighbours which share an edge leave
//! no gap and never both cover a sample, whichever of the two ways below finds the samples.

use super::lanes::{F4, I4};
use super::spans::polygon;

/// A square lattice of cells with four samples each.
pub trait Grid {
    /// A cell is 2 to this power wide and high, in units of corners.
    const SHIFT: u32;
    /// Where the samples lie in their cell.
    const PLACES: [[i16; 2]; 4];
    /// How much farther surfaces are taken to be, in changes of nearness over [`UNITS`] along their steepest axis.
    const SETBACK: f32;
}

/// Pixels of a picture with GL's usual four samples.
#[derive(Debug)]
pub struct Pixels;

impl Grid for Pixels {
    const SHIFT: u32 = 8;
    const PLACES: [[i16; 2]; 4] = [[96, 32], [224, 96], [32, 160], [160, 224]];
    const SETBACK: f32 = 0.0;
}

/// Blocks of 2 × 2 squares of a map, each sampled in its middle.
#[derive(Debug)]
pub struct Blocks;

impl Grid for Blocks {
    const SHIFT: u32 = 9;
    const PLACES: [[i16; 2]; 4] = [[128, 128], [384, 128], [128, 384], [384, 384]];
    /// So much that a thing hardly casts a shadow on itself.
    const SETBACK: f32 = 1.5;
}

/// Blocks of 2 × 2 pixels of a picture, each sampled in its middle.
#[derive(Debug)]
pub struct Middles;

impl Grid for Middles {
    const SHIFT: u32 = Blocks::SHIFT;
    const PLACES: [[i16; 2]; 4] = Blocks::PLACES;
    const SETBACK: f32 = 0.0;
}

/// Units of corners in a pixel of a picture or a square of a map.
pub const UNITS: f32 = 256.0;

/// A corner on the grid.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Point {
    /// Right, in units.
    pub x: i32,
    /// Up, in units.
    pub y: i32,
    /// What is compared at samples and greater in front.
    pub nearness: f32,
}

/// Cells that count: from (x0, y0) to before (x1, y1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    pub x0: i32,
    pub y0: i32,
    pub x1: i32,
    pub y1: i32,
}

impl Bounds {
    /// The cells of a grid that have these pixels.
    #[inline(always)]
    pub fn cells<G: Grid>(&self) -> Bounds {
        let (shift, rest) = (G::SHIFT - Pixels::SHIFT, (1 << (G::SHIFT - Pixels::SHIFT)) - 1);
        let (x1, y1) = ((self.x1 + rest) >> shift, (self.y1 + rest) >> shift);
        Bounds { x0: self.x0 >> shift, y0: self.y0 >> shift, x1, y1 }
    }
}

/// Nearness as a linear function of the place, kept within the range of the corners.
#[derive(Debug, Clone, Copy)]
pub struct Plane {
    /// Where it is `start`, in units.
    pub from: [i32; 2],
    /// Nearness there.
    pub start: f32,
    /// Change per unit to the right and up.
    pub slope: [f32; 2],
    /// Least and greatest.
    pub range: [f32; 2],
}

impl Plane {
    /// Through three corners with that (doubled, not zero) area.
    #[inline(always)]
    pub fn through([a, b, c]: &[Point; 3], area: f32) -> Plane {
        let per_area = 1.0 / area;
        let (ab, ac) = (b.nearness - a.nearness, c.nearness - a.nearness);
        let (u, v) = ([(b.x - a.x) as f32, (b.y - a.y) as f32], [(c.x - a.x) as f32, (c.y - a.y) as f32]);
        let slope = [(ab * v[1] - ac * u[1]) * per_area, (ac * u[0] - ab * v[0]) * per_area];
        let low = least(a.nearness, least(b.nearness, c.nearness));
        let high = most(a.nearness, most(b.nearness, c.nearness));
        Plane { from: [a.x, a.y], start: a.nearness, slope, range: [low, high] }
    }

    /// Nearness at the samples of a cell relative to its lower left end.
    #[inline(always)]
    pub(super) fn shifts<G: Grid>(&self) -> F4 {
        F4::new(G::PLACES.map(|[x, y]| self.slope[0] * f32::from(x) + self.slope[1] * f32::from(y)))
    }

    /// Nearness at the samples of the cells of a row, as it would be without the change to the right.
    #[inline(always)]
    pub(super) fn row<G: Grid>(&self, y: i32, shifts: F4) -> F4 {
        let up = self.slope[1] * ((y << G::SHIFT) - self.from[1]) as f32;
        F4::splat(self.start + up) + shifts
    }

    /// Nearness at the samples of a cell of a row.
    #[inline(always)]
    pub(super) fn at<G: Grid>(&self, x: i32, row: F4) -> F4 {
        let right = self.slope[0] * ((x << G::SHIFT) - self.from[0]) as f32;
        let nearness = (row + F4::splat(right)).max(F4::splat(self.range[0])).min(F4::splat(self.range[1]));
        if G::SETBACK == 0.0 {
            return nearness;
        }
        let steepest = most(self.slope[0].abs(), self.slope[1].abs());
        nearness - F4::splat(G::SETBACK * UNITS * steepest)
    }
}

#[inline(always)]
pub(super) fn least<T: PartialOrd>(a: T, b: T) -> T {
    if a < b { a } else { b }
}

#[inline(always)]
pub(super) fn most<T: PartialOrd>(a: T, b: T) -> T {
    if a > b { a } else { b }
}

/// Triangles narrower and lower than this many units are searched cell by cell.
const SMALL: i32 = 16 << 8;

/// Visits the cells in which a triangle covers samples: column, row, mask of the samples covered, nearness. Triangles
/// whose corners are not anticlockwise cover nothing.
#[inline(always)]
pub fn triangle<G: Grid>(corners: &[Point; 3], bounds: &Bounds, at: impl FnMut(i32, i32, I4, F4)) {
    let [a, b, c] = corners;
    let wide = |v: i32| i64::from(v);
    let area = wide(b.x - a.x) * wide(c.y - a.y) - wide(b.y - a.y) * wide(c.x - a.x);
    if area <= 0 {
        return;
    }
    let plane = || Plane::through(corners, area as f32);
    let (left, right) = (least(a.x, least(b.x, c.x)), most(a.x, most(b.x, c.x)));
    let (low, high) = (least(a.y, least(b.y, c.y)), most(a.y, most(b.y, c.y)));
    if right - left < SMALL && high - low < SMALL {
        small::<G>(corners, [left, low, right, high], plane, bounds, at);
    } else {
        polygon::<G>(&[[a.x, a.y], [b.x, b.y], [c.x, c.y]], &plane(), bounds, at);
    }
}

/// The cells of a small triangle, one by one. All products fit into 32 bits.
#[inline(always)]
fn small<G: Grid>(
    corners: &[Point; 3],
    [left, low, right, high]: [i32; 4],
    plane: impl FnOnce() -> Plane,
    bounds: &Bounds,
    mut at: impl FnMut(i32, i32, I4, F4),
) {
    let [a, b, c] = corners;
    // Cells with a sample between the triangle's ends.
    let x0 = most((left - last::<G>(0) + cell::<G>() - 1) >> G::SHIFT, bounds.x0);
    let x1 = least((right - first::<G>(0)) >> G::SHIFT, bounds.x1 - 1);
    let y0 = most((low - last::<G>(1) + cell::<G>() - 1) >> G::SHIFT, bounds.y0);
    let y1 = least((high - first::<G>(1)) >> G::SHIFT, bounds.y1 - 1);
    if x0 > x1 || y0 > y1 {
        return;
    }
    let edge = |from: &Point, to: &Point| {
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let start = dx * ((y0 << G::SHIFT) - from.y) - dy * ((x0 << G::SHIFT) - from.x) - i32::from(!owns(dx, dy));
        let row = I4::splat(start) + I4::combined(-dy, dx, G::PLACES);
        (row, I4::splat(-dy << G::SHIFT), I4::splat(dx << G::SHIFT))
    };
    let (mut row_a, right_a, up_a) = edge(a, b);
    let (mut row_b, right_b, up_b) = edge(b, c);
    let (mut row_c, right_c, up_c) = edge(c, a);
    let plane = plane();
    let shifts = plane.shifts::<G>();
    for y in y0..=y1 {
        let (mut edge_a, mut edge_b, mut edge_c) = (row_a, row_b, row_c);
        let row = plane.row::<G>(y, shifts);
        for x in x0..=x1 {
            let outside = edge_a | edge_b | edge_c;
            if outside.signs() != 0b1111 {
                at(x, y, I4::splat(-1).without(outside.negative()), plane.at::<G>(x, row));
            }
            (edge_a, edge_b, edge_c) = (edge_a + right_a, edge_b + right_b, edge_c + right_c);
        }
        (row_a, row_b, row_c) = (row_a + up_a, row_b + up_b, row_c + up_c);
    }
}

/// Samples on an edge in this direction belong to its polygon, and not to the neighbour.
#[inline(always)]
pub(super) fn owns(dx: i32, dy: i32) -> bool {
    dy < 0 || (dy == 0 && dx < 0)
}

pub(super) const fn cell<G: Grid>() -> i32 {
    1 << G::SHIFT
}

/// The least place of a sample in its cell.
pub(super) const fn first<G: Grid>(axis: usize) -> i32 {
    let p = G::PLACES;
    let mut least = p[0][axis];
    let mut k = 1;
    while k < 4 {
        if p[k][axis] < least {
            least = p[k][axis];
        }
        k += 1;
    }
    least as i32
}

/// The greatest place of a sample in its cell.
pub(super) const fn last<G: Grid>(axis: usize) -> i32 {
    let p = G::PLACES;
    let mut most = p[0][axis];
    let mut k = 1;
    while k < 4 {
        if p[k][axis] > most {
            most = p[k][axis];
        }
        k += 1;
    }
    most as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: i32 = 40;
    const BOUNDS: Bounds = Bounds { x0: 0, y0: 0, x1: SIZE, y1: SIZE };

    fn point(x: i32, y: i32) -> Point {
        Point { x, y, nearness: 1.0 }
    }

    /// A generator good enough for scattered corners.
    fn scattered(seed: &mut u64, below: i32) -> i32 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((*seed >> 33) % below as u64) as i32
    }

    fn count(hits: &mut [[u32; 4]], x: i32, y: i32, covered: I4) {
        for (k, mask) in covered.array().into_iter().enumerate() {
            hits[(y * SIZE + x) as usize][k] += u32::from(mask != 0);
        }
    }

    #[test]
    fn a_fan_of_triangles_covers_each_sample_once() {
        let mut seed = 7;
        for round in 0..300 {
            let side = if round % 2 == 0 { SIZE * 256 } else { 9 * 256 };
            let ends = [point(0, 0), point(side, 0), point(side, side), point(0, side)];
            let middle = point(scattered(&mut seed, side - 1) + 1, scattered(&mut seed, side - 1) + 1);
            let mut hits = vec![[0; 4]; (SIZE * SIZE) as usize];
            for k in 0..4 {
                let corners = [ends[k], ends[(k + 1) % 4], middle];
                triangle::<Pixels>(&corners, &BOUNDS, |x, y, covered, _| count(&mut hits, x, y, covered));
            }
            for (index, samples) in hits.iter().enumerate() {
                let inside = (index as i32 % SIZE) * 256 < side && (index as i32 / SIZE) * 256 < side;
                assert_eq!(*samples, [u32::from(inside); 4], "pixel {index}, middle {middle:?}");
            }
        }
    }

    #[test]
    fn both_ways_find_the_same_samples() {
        let mut seed = 11;
        for _ in 0..2000 {
            let mut any = || point(scattered(&mut seed, SMALL - 1), scattered(&mut seed, SMALL - 1));
            let corners = [any(), any(), any()];
            let [a, b, c] = corners;
            let (mut one, mut other) = (vec![[0; 4]; (SIZE * SIZE) as usize], vec![[0; 4]; (SIZE * SIZE) as usize]);
            triangle::<Pixels>(&corners, &BOUNDS, |x, y, covered, _| count(&mut one, x, y, covered));
            let area = (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
            if area > 0 {
                let plane = Plane::through(&corners, area as f32);
                let flat = corners.map(|corner| [corner.x, corner.y]);
                polygon::<Pixels>(&flat, &plane, &BOUNDS, |x, y, covered, _| count(&mut other, x, y, covered));
            }
            assert_eq!(one, other, "{corners:?}");
        }
    }

    #[test]
    fn a_triangle_far_larger_than_the_picture_covers_all_of_it() {
        let far = 8000 * 256;
        let corners = [point(-far, -far), point(far, -far), point(0, far)];
        let mut hits = vec![[0; 4]; (SIZE * SIZE) as usize];
        triangle::<Pixels>(&corners, &BOUNDS, |x, y, covered, _| count(&mut hits, x, y, covered));
        assert!(hits.iter().all(|samples| *samples == [1; 4]));
    }

    #[test]
    fn backs_cover_nothing() {
        let corners = [point(0, 0), point(0, 2560), point(2560, 0)];
        triangle::<Pixels>(&corners, &BOUNDS, |_, _, _, _| panic!("a back was seen"));
    }

    #[test]
    fn nearness_is_that_of_the_corners_in_between() {
        let mut corners = [point(0, 0), point(10_000, 0), point(0, 10_000)];
        corners[1].nearness = 2.0;
        triangle::<Pixels>(&corners, &BOUNDS, |x, _, _, nearness| {
            let expected = 1.0 + (x as f32 * 256.0 + 96.0) / 10_000.0;
            assert!((nearness.first() - expected).abs() < 1e-3);
        });
    }
}
