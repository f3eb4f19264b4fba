//! How far the light of a directional lamp comes.

use super::clip::{GUARD, rounded};
use super::item::{Item, Shape};
use super::lanes::F4;
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
    /// The blocks of 2 × 2 squares that are kept.
    part: Bounds,
    /// Distances along the rays with a minus sign, metres; infinite where nothing is.
    nearness: Vec<F4>,
}

/// How far a point may lie behind the thing that casts the shadow and still be in the light, metres.
const SLACK_M: f32 = 1e-4;

/// How far a simplified caster may be from the true one, in squares of the map.
const CELL: f32 = 1.0;

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

    /// Whether the light reaches a point, given in the map's coordinates.
    #[inline(always)]
    pub fn reaches(&self, place: F4) -> bool {
        let [column, row, ..] = place.floor().whole().array();
        self.reaches_square(column, row, place.array()[2])
    }

    /// Whether the light reaches a distance in a square.
    #[inline(always)]
    pub fn reaches_square(&self, column: i32, row: i32, depth: f32) -> bool {
        let (part, width) = (&self.whole.part, self.whole.width());
        let (bx, by) = ((column >> 1).wrapping_sub(part.x0), (row >> 1).wrapping_sub(part.y0));
        if bx as u32 >= width as u32 || by as u32 >= (part.y1 - part.y0) as u32 {
            return true;
        }
        let block = self.whole.nearness[(by * width + bx) as usize];
        let blocked = block.exceeds(F4::splat(SLACK_M - depth)).signs();
        (blocked >> ((row & 1) * 2 + (column & 1))) & 1 == 0
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
    fn width(&self) -> i32 {
        self.part.x1 - self.part.x0
    }

    /// Empties a part of the grid and keeps that.
    fn clear(&mut self, part: Bounds) {
        self.part = part;
        self.nearness.clear();
        self.nearness.resize((self.width() * (part.y1 - part.y0)) as usize, F4::splat(f32::NEG_INFINITY));
    }

    /// Takes over the distances of a part of this part.
    fn copy(&mut self, other: &Depths) {
        if other.nearness.is_empty() {
            return;
        }
        let (width, from) = (self.width() as usize, &other.part);
        let left = (from.x0 - self.part.x0) as usize;
        let rows = self.nearness.chunks_exact_mut(width).skip((from.y0 - self.part.y0) as usize);
        for (row, theirs) in rows.zip(other.nearness.chunks_exact(other.width() as usize)) {
            row[left..left + theirs.len()].copy_from_slice(theirs);
        }
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
        let (part, width, nearness) = (self.part, self.width(), &mut self.nearness);
        triangle::<Blocks>(corners, &part, |x, y, covered, near| {
            let old = &mut nearness[((y - part.y0) * width + (x - part.x0)) as usize];
            *old = near.max(*old).or_else(covered, *old);
        });
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
        let (part, width, nearness) = (self.part, self.width(), &mut self.nearness);
        polygon::<Blocks>(&corners.map(|corner| [corner.x, corner.y]), &plane, &part, |x, y, covered, near| {
            let old = &mut nearness[((y - part.y0) * width + (x - part.x0)) as usize];
            *old = near.max(*old).or_else(covered, *old);
        });
    }
}

fn wide(value: i32) -> i64 {
    i64::from(value)
}
