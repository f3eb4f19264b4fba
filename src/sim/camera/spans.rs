//! Which samples a convex polygon covers, row by row.

use super::lanes::{F4, I4};
use super::raster::{Bounds, Grid, Plane, cell, first, last, least, most, owns};

/// Visits the cells in which a convex polygon covers samples, row by row: in each row an edge says from where and up to
/// where each of the four samples is covered.
#[inline(always)]
pub fn polygon<G: Grid>(corners: &[[i32; 2]], plane: &Plane, bounds: &Bounds, mut at: impl FnMut(i32, i32, I4, F4)) {
    let low = corners.iter().fold(i32::MAX, |low, corner| least(low, corner[1]));
    let high = corners.iter().fold(i32::MIN, |high, corner| most(high, corner[1]));
    let y0 = most((low - last::<G>(1) + cell::<G>() - 1) >> G::SHIFT, bounds.y0);
    let y1 = least((high - first::<G>(1)) >> G::SHIFT, bounds.y1 - 1);
    let mut edges = [Edge::default(); MOST_CORNERS];
    let mut count = 0;
    for (k, from) in corners.iter().enumerate() {
        let to = corners[if k + 1 == corners.len() { 0 } else { k + 1 }];
        if *from != to && y0 <= y1 {
            edges[count] = Edge::new::<G>(*from, to, y0);
            count += 1;
        }
    }
    let shifts = plane.shifts::<G>();
    for y in y0..=y1 {
        let (mut from, mut to) = (I4::splat(bounds.x0), I4::splat(bounds.x1 - 1));
        for edge in &mut edges[..count] {
            if edge.is_right {
                to = to.min(edge.quotients);
            } else {
                from = from.max(I4::splat(0) - edge.quotients);
            }
            edge.next::<G>(y + 1);
        }
        let ([f0, f1, f2, f3], [t0, t1, t2, t3]) = (from.array(), to.array());
        let (x0, x1) = (least(least(f0, f1), least(f2, f3)), most(most(t0, t1), most(t2, t3)));
        // Between these columns all four samples are covered.
        let (full0, full1) = (most(most(f0, f1), most(f2, f3)), least(least(t0, t1), least(t2, t3)));
        let row = plane.row::<G>(y, shifts);
        let mut x = x0;
        while x <= x1 {
            if x == full0 {
                while x <= full1 {
                    at(x, y, I4::splat(-1), plane.at::<G>(x, row));
                    x += 1;
                }
                if x > x1 {
                    break;
                }
            }
            let here = I4::splat(x);
            let outside = from.exceeds(here) | here.exceeds(to);
            if outside.signs() != 0b1111 {
                at(x, y, I4::splat(-1).without(outside), plane.at::<G>(x, row));
            }
            x += 1;
        }
    }
}

/// Most corners of a polygon: a rectangle cut by five planes.
pub const MOST_CORNERS: usize = 9;

/// A polygon's edge, followed from row to row. The columns inside end (on a right side) at a quotient, rounded down, or
/// begin (on a left side) at its negative; each sample has its own.
#[derive(Debug, Clone, Copy)]
struct Edge {
    from: [i32; 2],
    dx: i32,
    dy: i32,
    is_right: bool,
    /// So level that its quotients are found anew in each row.
    is_level: bool,
    quotients: I4,
    /// What is left over of the divisions: 0 to before `step`.
    rests: I4,
    /// Change of quotients and rests from row to row.
    up: [i32; 2],
    /// The divisor.
    step: i32,
}

/// Quotients are cut to this: beyond all pictures, and far from the ends of 32 bits.
const FAR: i64 = 1 << 29;

/// Edges are followed from row to row if they move by less than this many columns.
const LEVEL: i64 = 1 << 12;

impl Default for Edge {
    fn default() -> Edge {
        let zero = I4::splat(0);
        let (from, up) = ([0; 2], [0; 2]);
        Edge { from, dx: 0, dy: 0, is_right: false, is_level: false, quotients: zero, rests: zero, up, step: 1 }
    }
}

impl Edge {
    /// An edge as it is in row `y`.
    #[inline(always)]
    fn new<G: Grid>(from: [i32; 2], to: [i32; 2], y: i32) -> Edge {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let mut edge = Edge { from, dx, dy, is_right: dy >= 0, ..Edge::default() };
        let (step, rise) = (i64::from(dy.abs()) << G::SHIFT, i64::from(dx) << G::SHIFT);
        edge.is_level = rise.abs() >= step * LEVEL || step > i64::from(i32::MAX / 2);
        edge.divide::<G>(y);
        if !edge.is_level {
            edge.up = [rise.div_euclid(step) as i32, rise.rem_euclid(step) as i32];
            edge.step = step as i32;
        }
        edge
    }

    /// Finds the quotients of a row.
    #[inline(always)]
    fn divide<G: Grid>(&mut self, y: i32) {
        let (dx, dy) = (i64::from(self.dx), i64::from(self.dy));
        let bias = i64::from(!owns(self.dx, self.dy));
        let step = dy.abs() << G::SHIFT;
        let (mut quotients, mut rests) = ([0; 4], [0; 4]);
        for (k, [px, py]) in G::PLACES.into_iter().enumerate() {
            // Inside where dx · (y − y₀) − dy · (x − x₀) − bias ≥ 0: where dy · 2^SHIFT · column is not more than this.
            let up = i64::from((y << G::SHIFT) + i32::from(py) - self.from[1]);
            let inside = dx * up - bias - dy * i64::from(i32::from(px) - self.from[0]);
            if step == 0 {
                quotients[k] = if inside >= 0 { FAR as i32 } else { -FAR as i32 };
            } else {
                quotients[k] = inside.div_euclid(step).clamp(-FAR, FAR) as i32;
                rests[k] = inside.rem_euclid(step) as i32;
            }
        }
        (self.quotients, self.rests) = (I4::new(quotients), I4::new(rests));
    }

    /// Goes up to row `y`.
    #[inline(always)]
    fn next<G: Grid>(&mut self, y: i32) {
        if self.is_level {
            self.divide::<G>(y);
            return;
        }
        let rests = self.rests + I4::splat(self.up[1]);
        let over = rests.exceeds(I4::splat(self.step - 1));
        self.rests = rests - (over & I4::splat(self.step));
        // A mask is −1.
        self.quotients = self.quotients + I4::splat(self.up[0]) - over;
    }
}

#[cfg(test)]
mod tests {
    use super::super::raster::Pixels;
    use super::*;

    const SIZE: i32 = 40;

    #[test]
    fn nearly_level_edges_are_exact_too() {
        // The lower edge rises by one unit over 16,000 pixels; above and below it together each sample is hit once.
        let bounds = Bounds { x0: 0, y0: 0, x1: SIZE, y1: SIZE };
        let (left, right, end) = (-8000 * 256, 8000 * 256, SIZE * 256);
        for height in [2560, 2559, 2592, 2688] {
            let (a, b) = ([left, height], [right, height + 1]);
            let plane = Plane { from: [0, 0], start: 1.0, slope: [0.0; 2], range: [1.0; 2] };
            let mut hits = vec![[0_u32; 4]; (SIZE * SIZE) as usize];
            for corners in [[a, b, [right, end], [left, end]], [[left, 0], [right, 0], b, a]] {
                polygon::<Pixels>(&corners, &plane, &bounds, |x, y, covered, _| {
                    for (k, mask) in covered.array().into_iter().enumerate() {
                        hits[(y * SIZE + x) as usize][k] += u32::from(mask != 0);
                    }
                });
            }
            assert!(hits.iter().all(|samples| *samples == [1; 4]), "{height}");
        }
    }
}
