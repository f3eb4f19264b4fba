//! Things brought before a view: what is outside is left out, the rest is put on a grid of samples.

use super::canvas::NOTHING;
use super::clip::{GUARD, Homogeneous, Polygon, flatten, is_inside};
use super::item::{Item, Shape, Wrapping};
use super::lanes::{F4, I4};
use super::projection::Projection;
use super::raster::{Bounds, Grid, Plane, Point, triangle};
use super::sheet_view::SheetView;
use super::spans::polygon;
use super::view::View;

/// Things that are in view.
#[derive(Debug, Default)]
pub struct Pass {
    /// Those things.
    pub seen: Vec<Seen>,
    /// Corners of all their meshes. Those outside have no place, and the nearness [`BEHIND`] or [`BESIDE`].
    pub points: Vec<Point>,
    /// Their rectangles.
    pub sheets: Vec<SheetView>,
}

/// A thing in view.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Number of its item.
    pub item: usize,
    /// From its own frame to pixels.
    pub projection: Projection,
    /// The level of detail of its mesh.
    pub level: usize,
    /// Where its corners begin in [`Pass::points`], or its rectangles in [`Pass::sheets`].
    pub first: usize,
    /// How many corners or rectangles these are.
    pub count: usize,
}

/// A surface is numbered by its thing's place in [`Pass::seen`] and, in the lowest bits, its triangle or rectangle.
const PART_BITS: u32 = 20;

/// The place of a surface's thing in [`Pass::seen`], and the number of its triangle or rectangle.
#[inline(always)]
pub fn surface_parts(surface: i32) -> (usize, usize) {
    ((surface >> PART_BITS) as usize, (surface & ((1 << PART_BITS) - 1)) as usize)
}

/// The numbers of the surfaces of a thing.
pub fn surfaces_of(seen: usize) -> std::ops::Range<i32> {
    (seen as i32) << PART_BITS..(seen as i32 + 1) << PART_BITS
}

impl Pass {
    /// Forgets what was in view.
    pub fn clear(&mut self) {
        self.seen.clear();
        self.points.clear();
        self.sheets.clear();
    }

    /// Two surfaces are triangles of the same patch of a thing.
    #[inline(always)]
    pub fn are_of_one_patch(&self, one: i32, other: i32, items: &[Item]) -> bool {
        let ((number, one_part), (other_number, other_part)) = (surface_parts(one), surface_parts(other));
        if number != other_number || one == NOTHING {
            return false;
        }
        let seen = &self.seen[number];
        match items[seen.item].shape {
            Shape::Sheets(_) => false,
            Shape::Mesh(ladder) => {
                let patches = &ladder.mesh(seen.level).patches;
                patches[one_part] == patches[other_part]
            }
        }
    }

    /// Brings a thing before the view, if any of it can be seen.
    pub fn bring(&mut self, number: usize, item: &Item, view: &View) {
        let projection = view.projection.of_frame(&item.axes, item.prop.position);
        let Some((nearest, whole)) = in_view(&projection, item, view) else { return };
        let mut seen = Seen { item: number, projection, level: 0, first: 0, count: 0 };
        match item.shape {
            Shape::Mesh(ladder) => {
                // Coarser levels have no coordinates.
                if !matches!(item.wrapping, Wrapping::Sheet { .. }) {
                    seen.level = item.level(ladder, view.fineness * nearest);
                }
                let positions = &ladder.mesh(seen.level).positions;
                seen.first = self.points.len();
                let corners = positions.iter().map(|position| projection.apply(*position));
                if whole {
                    self.points.extend(corners.map(flatten));
                } else {
                    self.points.extend(corners.map(|corner| point(corner, view.near)));
                }
                seen.count = positions.len();
            }
            Shape::Sheets(sheets) => {
                seen.first = self.sheets.len();
                let views = sheets
                    .sides
                    .iter()
                    .enumerate()
                    .filter_map(|(side, sheet)| SheetView::new(side, sheet, item, &projection, view));
                self.sheets.extend(views);
                seen.count = self.sheets.len() - seen.first;
                if seen.count == 0 {
                    return;
                }
            }
        }
        self.seen.push(seen);
    }

    /// Visits the cells of a grid in which a thing covers samples: column, row, samples covered, nearness, surface.
    #[inline(always)]
    pub fn cover<G: Grid>(&self, number: usize, view: &View, items: &[Item], mut at: impl FnMut(i32, i32, I4, F4, I4)) {
        let cells = view.part.cells::<G>();
        let seen = &self.seen[number];
        let first_surface = surfaces_of(number).start;
        match items[seen.item].shape {
            Shape::Sheets(_) => {
                for (part, sheet) in self.sheets[seen.first..][..seen.count].iter().enumerate() {
                    let surface = I4::splat(first_surface + part as i32);
                    polygon::<G>(sheet.outline(), &sheet.plane, &cells, |x, y, covered, nearness| {
                        at(x, y, covered, nearness, surface);
                    });
                }
            }
            Shape::Mesh(ladder) => {
                let mesh = ladder.mesh(seen.level);
                let points = &self.points[seen.first..][..seen.count];
                for (part, corners) in mesh.triangles.iter().enumerate() {
                    let surface = I4::splat(first_surface + part as i32);
                    let at = |x, y, covered, nearness| at(x, y, covered, nearness, surface);
                    let corners = if view.mirrored { [corners[0], corners[2], corners[1]] } else { *corners };
                    let ends = corners.map(|corner| points[corner as usize]);
                    if are_inside(&ends) {
                        triangle::<G>(&ends, &cells, at);
                    } else if ends.iter().any(|end| end.nearness != BEHIND) {
                        let corners = corners.map(|corner| seen.projection.apply(mesh.positions[corner as usize]));
                        cut_triangle::<G>(&corners, view.near, &cells, at);
                    }
                }
            }
        }
    }
}

/// Nearness of corners that are too near or behind the camera.
const BEHIND: f32 = 0.0;

/// Nearness of corners that are far beside the picture.
const BESIDE: f32 = -1.0;

/// All corners are where they can be seen, or near to it.
#[inline(always)]
pub fn are_inside(corners: &[Point; 3]) -> bool {
    corners[0].nearness > 0.0 && corners[1].nearness > 0.0 && corners[2].nearness > 0.0
}

fn point(corner: Homogeneous, near: f32) -> Point {
    if is_inside(corner, near) {
        return flatten(corner);
    }
    Point { x: 0, y: 0, nearness: if corner[2] < near { BEHIND } else { BESIDE } }
}

/// A triangle of which parts are cut off.
#[inline(never)]
fn cut_triangle<G: Grid>(corners: &[Homogeneous; 3], near: f32, cells: &Bounds, mut at: impl FnMut(i32, i32, I4, F4)) {
    let polygon = Polygon::visible(corners, near);
    let corners = polygon.corners();
    for k in 2..corners.len() {
        let fan = [corners[0], corners[k - 1], corners[k]].map(flatten);
        triangle::<G>(&fan, cells, &mut at);
    }
}

/// The distance of the nearest part that can be seen, and whether no part is cut off; `None` if all is out of view.
fn in_view(projection: &Projection, item: &Item, view: &View) -> Option<(f32, bool)> {
    let [x, y, w] = &projection.0;
    let range =
        |a: &[f32; 4], share: f32, of: &[f32; 4]| item.extent.range(&[0, 1, 2, 3].map(|k| a[k] + share * of[k]));
    let [nearest, farthest] = item.extent.range(w);
    let part = &view.part;
    let beyond = |least: i32, row: &[f32; 4]| range(row, -least as f32, w)[1] < 0.0;
    let short = |most: i32, row: &[f32; 4]| range(row, -most as f32, w)[0] > 0.0;
    if farthest < view.near || beyond(part.x0, x) || beyond(part.y0, y) || short(part.x1, x) || short(part.y1, y) {
        return None;
    }
    let guarded = |row: &[f32; 4]| range(row, GUARD, w)[0] >= 0.0 && range(row, -GUARD, w)[1] <= 0.0;
    let whole = nearest > view.near && guarded(x) && guarded(y);
    Some((nearest.max(view.near), whole))
}

/// Nearness of a flat surface from its linear function of the pixel.
pub fn plane_of(row: [f64; 3], corners: &[Point]) -> Plane {
    let from = [corners[0].x, corners[0].y];
    let unit = 1.0 / 256.0;
    let start = row[0] * f64::from(from[0]) * unit + row[1] * f64::from(from[1]) * unit + row[2];
    let least = corners.iter().fold(f32::INFINITY, |least, corner| least.min(corner.nearness));
    let most = corners.iter().fold(0.0, |most: f32, corner| most.max(corner.nearness));
    let slope = [(row[0] * unit) as f32, (row[1] * unit) as f32];
    Plane { from, start: start as f32, slope, range: [least, most] }
}
