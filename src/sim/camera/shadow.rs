//! How far the light of a directional lamp comes.

use super::clip::{GUARD, rounded};
use super::item::{Item, Shape};
use super::lanes::{F4, I4};
use super::raster::{Blocks, Bounds, Plane, Point, UNITS, triangle};
use super::spans::polygon;
use super::stage::{Form, Light};
use super::vector::{Vec3, cross, dot, normalised, sub};

/// Distances from the light to the nearest thing, on a square grid across its rays. Only the part of the grid is kept
/// in which things stand.
///
/// What stands still from picture to picture is cast once. That changes no distance: the nearest thing is the same in
/// whatever order things are cast.
#[derive(Debug, Default)]
pub struct ShadowMap {
    rays: Rays,
    /// Things that cast shadows in `whole`.
    casters: Vec<Caster>,
    whole: Depths,
    /// Those that stand still, by their place in `casters`.
    still_casters: Vec<(usize, Caster)>,
    still: Depths,
    points: Vec<Point>,
}

/// The grid across the rays.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Rays {
    /// Squares from one side to the other.
    size: usize,
    /// Squares per metre.
    per_metre: f32,
    right: Vec3,
    up: Vec3,
    forward: Vec3,
    origin: Vec3,
}

/// All of a thing that its shadow depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Caster {
    form: Form,
    position: Vec3,
    axes: [f32; 9],
    size: Vec3,
}

/// Distances on a part of the grid.
#[derive(Debug, Default)]
struct Depths {
    /// The blocks of 2 × 2 squares in which things may stand.
    part: Bounds,
    /// Squares in a row that is kept: the part's, and a block at each end.
    width: usize,
    /// Distances along the rays with a minus sign, metres, row by row from the one below the part to the one above it;
    /// infinite where nothing is.
    nearness: Vec<f32>,
}

/// How far a point may lie behind the thing that casts the shadow and still be in the light, metres.
const SLACK_M: f32 = 1e-4;

/// How far a simplified caster may be from the true one, in squares of the map.
const CELL: f32 = 1.5;

impl ShadowMap {
    /// Forgets all: from now on things belong to another model.
    pub fn forget(&mut self) {
        self.casters.clear();
        self.still_casters.clear();
        self.still.clear(Bounds::default());
    }

    /// Casts the shadows of things in a light whose rays go through its position, `half` metres to each side.
    pub fn cast(&mut self, size: usize, light: &Light, half: f32, items: &[Item]) {
        let rays = Rays::new(size, light, half);
        // A plane's shadow falls behind it, where its own side is not seen.
        let items: Vec<&Item> = items.iter().filter(|item| item.prop.form != Form::Plane).collect();
        let casters: Vec<Caster> = items.iter().map(|item| Caster::of(item)).collect();
        if rays != self.rays {
            self.rays = rays;
            self.forget();
        } else if !casters.is_empty() && casters == self.casters {
            return;
        }

        if !self.still_casters.iter().all(|(place, caster)| casters.get(*place) == Some(caster)) {
            self.still_casters.clear();
        }
        if self.still_casters.is_empty() {
            let pairs = casters.iter().zip(&self.casters).enumerate();
            let still = pairs.filter(|(_, (now, before))| now == before).map(|(place, (now, _))| (place, *now));
            self.still_casters.extend(still);
            let still: Vec<&Item> = self.still_casters.iter().map(|(place, _)| items[*place]).collect();
            self.still.clear(rays.part(&still));
            for item in still {
                self.still.cast(item, &rays, &mut self.points);
            }
        }
        self.whole.clear(rays.part(&items));
        self.whole.copy(&self.still);
        let mut still = self.still_casters.iter().peekable();
        for (place, item) in items.into_iter().enumerate() {
            if still.next_if(|(at, _)| *at == place).is_none() {
                self.whole.cast(item, &rays, &mut self.points);
            }
        }
        self.casters = casters;
    }

    /// A point in the map's own coordinates: column, row (in squares), distance.
    pub fn place(&self, point: Vec3) -> Vec3 {
        self.rays.place(point)
    }

    /// The linear part of [`ShadowMap::place`].
    pub fn direction(&self, v: Vec3) -> Vec3 {
        self.rays.direction(v)
    }

    /// The share of the light that reaches a point, given in the map's coordinates: of the four squares whose middles are
    /// around it, as much as is not blocked.
    #[inline(always)]
    pub fn share(&self, place: F4) -> f32 {
        let at = place - F4::new([0.5, 0.5, 0.0, 0.0]);
        let first = at.floor();
        let ([column, row, ..], [right, up, ..]) = (first.whole().array(), (at - first).array());
        self.open(column, row, place.array()[2], [right, up])
    }

    /// The shares of the light that reach the first `count` of four points, given by columns, rows and distances. The
    /// others' may be anything.
    #[inline(always)]
    pub fn shares(&self, [x, y, depth]: [F4; 3], count: usize) -> [f32; 4] {
        let half = F4::splat(0.5);
        let (x, y) = (x - half, y - half);
        let (column, row) = (x.floor(), y.floor());
        let (right, up, depths) = ((x - column).array(), (y - row).array(), depth.array());
        let (columns, rows) = (column.whole().array(), row.whole().array());
        let mut shares = [1.0; 4];
        for (k, share) in shares.iter_mut().enumerate().take(count) {
            *share = self.open(columns[k], rows[k], depths[k], [right[k], up[k]]);
        }
        shares
    }

    /// How much of a square and its neighbours to the right and above the light reaches at that distance, if the latter
    /// count with the shares `right` and `up`.
    #[inline(always)]
    fn open(&self, column: i32, row: i32, depth: f32, [right, up]: [f32; 2]) -> f32 {
        let open = F4::splat(SLACK_M - depth).at_least(self.whole.four(column, row)).signs();
        if open == 0b1111 {
            return 1.0;
        }
        let square = |square: u32| ((open >> square) & 1) as f32;
        let between = |a: f32, b: f32, share: f32| a + (b - a) * share;
        between(between(square(0), square(1), right), between(square(2), square(3), right), up)
    }
}

impl Caster {
    fn of(item: &Item) -> Caster {
        let prop = item.prop;
        Caster { form: prop.form, position: prop.position, axes: prop.orientation, size: prop.size }
    }
}

impl Rays {
    fn new(size: usize, light: &Light, half: f32) -> Rays {
        let forward = normalised(light.direction);
        let other = if forward[0].abs() < 0.9 { [1.0, 0.0, 0.0] } else { [0.0, 1.0, 0.0] };
        let right = normalised(cross(forward, other));
        let (up, per_metre) = (cross(right, forward), size as f32 / (2.0 * half));
        Rays { size, per_metre, right, up, forward, origin: light.position }
    }

    fn place(&self, point: Vec3) -> Vec3 {
        let [x, y, depth] = self.direction(sub(point, self.origin));
        let middle = self.size as f32 * 0.5;
        [x + middle, y + middle, depth]
    }

    fn direction(&self, v: Vec3) -> Vec3 {
        [dot(v, self.right) * self.per_metre, dot(v, self.up) * self.per_metre, dot(v, self.forward)]
    }

    /// The linear map of [`Rays::place`] for points of a thing's form.
    fn frame(&self, item: &Item) -> [[f32; 4]; 3] {
        let axes = &item.axes;
        let columns = [0, 1, 2].map(|k| self.direction([axes[k], axes[k + 3], axes[k + 6]]));
        let start = self.place(item.prop.position);
        [0, 1, 2].map(|r| [columns[0][r], columns[1][r], columns[2][r], start[r]])
    }

    /// The blocks that the shadows of things can fall on.
    fn part(&self, items: &[&Item]) -> Bounds {
        let whole = self.size as f32;
        let (mut low, mut high) = ([whole; 2], [0.0_f32; 2]);
        for item in items {
            let rows = self.frame(item);
            for axis in 0..2 {
                let [from, to] = item.extent.range(&rows[axis]);
                low[axis] = low[axis].min(from);
                high[axis] = high[axis].max(to);
            }
        }
        let block = |square: f32| (square.clamp(0.0, whole) * 0.5) as i32;
        let end = |square: f32| (block(square) + 1).min(self.size as i32 / 2);
        let (x0, y0) = (block(low[0]), block(low[1]));
        Bounds { x0, y0, x1: end(high[0]).max(x0), y1: end(high[1]).max(y0) }
    }
}

impl Depths {
    /// Empties a part of the grid and keeps that.
    fn clear(&mut self, part: Bounds) {
        self.part = part;
        self.width = (part.x1 - part.x0 + 2) as usize * 2;
        self.nearness.clear();
        self.nearness.resize(self.width * (part.y1 - part.y0 + 2) as usize * 2, f32::NEG_INFINITY);
    }

    /// Takes over the distances of a part of this part.
    fn copy(&mut self, other: &Depths) {
        if other.part.x0 >= other.part.x1 || other.part.y0 >= other.part.y1 {
            return;
        }
        let left = (other.part.x0 - self.part.x0) as usize * 2;
        let rows = self.nearness.chunks_exact_mut(self.width).skip((other.part.y0 - self.part.y0) as usize * 2);
        for (row, theirs) in rows.zip(other.nearness.chunks_exact(other.width)) {
            row[left..left + theirs.len()].copy_from_slice(theirs);
        }
    }

    /// The square of a column and a row, the one to its right, the one above it and that to the right of the latter.
    /// Nothing stands in squares that are not kept.
    #[inline(always)]
    fn four(&self, column: i32, row: i32) -> F4 {
        let (x, y) = (column.wrapping_sub(self.part.x0 * 2 - 2), row.wrapping_sub(self.part.y0 * 2 - 2));
        let at = (y as u32 as usize).saturating_mul(self.width) + x as u32 as usize;
        let kept = (x as u32 as usize) + 1 < self.width;
        match (self.nearness.get(at..), self.nearness.get(at.saturating_add(self.width)..)) {
            (Some([a, b, ..]), Some([c, d, ..])) if kept => F4::new([*a, *b, *c, *d]),
            _ => F4::splat(f32::NEG_INFINITY),
        }
    }

    /// Puts nearness into the squares of a block that are covered.
    #[inline(always)]
    fn put(&mut self, x: i32, y: i32, covered: I4, nearness: F4) {
        let (x, y) = ((x - self.part.x0 + 1) as usize * 2, (y - self.part.y0 + 1) as usize * 2);
        let (lower, upper) = self.nearness[y * self.width + x..].split_at_mut(self.width);
        let old = F4::new([lower[0], lower[1], upper[0], upper[1]]);
        let [a, b, c, d] = nearness.max(old).or_else(covered, old).array();
        (lower[0], lower[1], upper[0], upper[1]) = (a, b, c, d);
    }

    fn cast(&mut self, item: &Item, rays: &Rays, points: &mut Vec<Point>) {
        let rows = rays.frame(item);
        let [[left, right], [low, high]] = [item.extent.range(&rows[0]), item.extent.range(&rows[1])];
        let whole = rays.size as f32;
        // What is far outside could not be rounded to points; of the rest no part is.
        if right < 0.0 || high < 0.0 || left > whole || low > whole || left < -GUARD || right > GUARD {
            return;
        }
        if low < -GUARD || high > GUARD {
            return;
        }
        let point = |[x, y, z]: Vec3| {
            let at = |row: &[f32; 4]| row[0] * x + row[1] * y + row[2] * z + row[3];
            Point { x: rounded(at(&rows[0]) * UNITS), y: rounded(at(&rows[1]) * UNITS), nearness: -at(&rows[2]) }
        };
        match item.shape {
            Shape::Mesh(ladder) => {
                let mesh = ladder.mesh(item.level(ladder, CELL / rays.per_metre));
                points.clear();
                points.extend(mesh.positions.iter().map(|position| point(*position)));
                for corners in &mesh.triangles {
                    let [a, b, c] = [corners[0], corners[1], corners[2]].map(|corner| points[corner as usize]);
                    let turned = wide(b.x - a.x) * wide(c.y - a.y) < wide(b.y - a.y) * wide(c.x - a.x);
                    if !turned {
                        self.cast_triangle(&[a, b, c]);
                    } else if !mesh.closed {
                        // Of what is closed, the sides that face the light are before the others.
                        self.cast_triangle(&[a, c, b]);
                    }
                }
            }
            Shape::Sheets(sheets) => {
                // The sides of a box that face the light are before the others.
                let sides = sheets.sides.iter();
                for side in sides.filter(|side| dot(item.normal(side.normal), rays.forward) < 0.0) {
                    self.cast_rectangle(side.corners().map(point));
                }
            }
        }
    }

    fn cast_triangle(&mut self, corners: &[Point; 3]) {
        let part = self.part;
        triangle::<Blocks>(corners, &part, |x, y, covered, near| self.put(x, y, covered, near));
    }

    fn cast_rectangle(&mut self, mut corners: [Point; 4]) {
        let area = |[a, b, c, _]: &[Point; 4]| wide(b.x - a.x) * wide(c.y - a.y) - wide(b.y - a.y) * wide(c.x - a.x);
        if area(&corners) < 0 {
            corners.reverse();
        }
        let area = area(&corners);
        if area <= 0 {
            return;
        }
        let mut plane = Plane::through(&[corners[0], corners[1], corners[2]], area as f32);
        plane.range[0] = plane.range[0].min(corners[3].nearness);
        plane.range[1] = plane.range[1].max(corners[3].nearness);
        let part = self.part;
        let outline = corners.map(|corner| [corner.x, corner.y]);
        polygon::<Blocks>(&outline, &plane, &part, |x, y, covered, near| self.put(x, y, covered, near));
    }
}

fn wide(value: i32) -> i64 {
    i64::from(value)
}
