//! The colours of a flat rectangle.

use super::item::{Item, Wrapping};
use super::lanes::F4;
use super::lit::{Lits, unit};
use super::paint::{Palette, bytes};
use super::sheet::Sheet;
use super::sheet_view::SheetView;
use super::texture::{CubeAxes, Places};
use super::vector::{Vec3, add, rotate, scale};

/// How a rectangle in view is coloured.
#[derive(Debug)]
pub struct Coat {
    /// Functions of the pixel, divided by the distance: numbers of the lattice lines, and the place on a flat texture.
    place: [F4; 3],
    /// The place on the shadow map, and 1.
    shadow: [F4; 3],
    /// One by the distance of the farthest end.
    least: f32,
    texture: CoatTexture,
    /// The corner that its first crossing is.
    first: usize,
}

#[derive(Debug)]
enum CoatTexture {
    Bare,
    /// A side of a texture on which places are linear in s and t.
    Even {
        side: usize,
    },
    /// Directions of a cube: at (0, 0), and their changes along s and t.
    Cube {
        origin: Vec3,
        across: Vec3,
        along: Vec3,
    },
}

impl Coat {
    /// Of a rectangle in view whose crossings begin with the corner `first`.
    pub fn new(palette: &Palette, item: &Item, sheet: &Sheet, view: &SheetView, first: usize) -> Coat {
        let (columns, rows) = (&sheet.columns, &sheet.rows);
        let lattice = [[columns.shift, columns.per_place, 0.0], [rows.shift, 0.0, rows.per_place]];
        let (mut place, mut texture) = ([lattice[0], lattice[1], [0.0; 3], [0.0; 3]], CoatTexture::Bare);
        match item.wrapping {
            Wrapping::Cube { scale } => {
                let scaled = |v: Vec3| [0, 1, 2].map(|k| v[k] * scale[k]);
                let [origin, across, along] = [sheet.origin, sheet.across, sheet.along].map(scaled);
                texture = CoatTexture::Cube { origin, across, along };
                if let Some((side, u, v)) = even_on_cube(origin, across, along) {
                    (place[2], place[3]) = (u, v);
                    texture = CoatTexture::Even { side };
                }
            }
            Wrapping::Sheet { times: [across, along] } => {
                (place[2], place[3]) = ([0.0, across, 0.0], [along, 0.0, -along]);
                texture = CoatTexture::Even { side: 0 };
            }
            Wrapping::Bare | Wrapping::Projected { .. } => {}
        }
        let on_map = palette.light.shadow.map_or([[0.0; 3]; 3], |map| {
            let across = map.direction(rotate(&item.axes, sheet.across));
            let along = map.direction(rotate(&item.axes, sheet.along));
            let origin = map.place(item.position(sheet.origin));
            [0, 1, 2].map(|k| [origin[k], across[k], along[k]])
        });
        let shadow = [on_map[0], on_map[1], on_map[2], [1.0, 0.0, 0.0]];
        let least = view.plane.range[0];
        Coat { place: view.functions(place), shadow: view.functions(shadow), least, texture, first }
    }

    /// Colours pixels of a row from `x` on.
    #[inline(never)]
    pub fn paint(
        &self,
        lits: &mut Lits,
        palette: &Palette,
        thing: (&Item, &Sheet),
        (x, y): (i32, i32),
        out: &mut [u32],
    ) {
        let row = Row::new(self, y);
        match (thing.0.texture, &self.texture) {
            (None, _) | (_, CoatTexture::Bare) => {
                row.paint(lits, palette, thing, x, out, |_, _| [F4::splat(255.0); 4]);
            }
            (Some(texture), CoatTexture::Even { side }) => {
                let side = texture.side(*side);
                row.paint(lits, palette, thing, x, out, |ray, count| {
                    let (dx, dy) = (row.changes(ray, 0), row.changes(ray, 1));
                    let places = Places { at: [ray.u, ray.v], dx: [dx[U], dx[V]], dy: [dy[U], dy[V]] };
                    side.colours(&places, count)
                });
            }
            (Some(texture), CoatTexture::Cube { origin, across, along }) => {
                let (columns, rows) = (&thing.1.columns, &thing.1.rows);
                row.paint(lits, palette, thing, x, out, |ray, count| {
                    let (dx, dy) = (row.changes(ray, 0), row.changes(ray, 1));
                    let direction = |s: f32, t: f32| {
                        let (s, t) = (s / columns.per_place, t / rows.per_place);
                        [0, 1, 2].map(|k| across[k] * s + along[k] * t)
                    };
                    let mut colours = [F4::splat(0.0); 4];
                    for (k, colour) in colours.iter_mut().enumerate().take(count) {
                        let (s, t) = (ray.s.array()[k] - columns.shift, ray.t.array()[k] - rows.shift);
                        let [dx, dy] = [&dx, &dy].map(|change| direction(change[S].array()[k], change[T].array()[k]));
                        *colour = texture.cube(add(*origin, direction(s, t)), dx, dy);
                    }
                    colours
                });
            }
        }
    }
}

/// Places of functions of the pixel in a [`Coat`].
const S: usize = 0;
const T: usize = 1;
const U: usize = 2;
const V: usize = 3;

/// A row of pixels of a rectangle.
struct Row<'a> {
    coat: &'a Coat,
    /// The functions of the pixel at the row's left end.
    place: [F4; 4],
    shadow: [F4; 4],
}

/// What four pixels of a row show.
struct Rays {
    distance: F4,
    /// Numbers of lattice lines.
    s: F4,
    t: F4,
    /// Place on a flat texture.
    u: F4,
    v: F4,
}

impl<'a> Row<'a> {
    #[inline(always)]
    fn new(coat: &'a Coat, y: i32) -> Row<'a> {
        let py = F4::splat(y as f32 + 0.5);
        let left = |f: &[F4; 3]| {
            let [a, b, c, d] = (f[1] * py + f[2]).array();
            [F4::splat(a), F4::splat(b), F4::splat(c), F4::splat(d)]
        };
        Row { coat, place: left(&coat.place), shadow: left(&coat.shadow) }
    }

    /// Changes of s, t, u and v to the neighbouring pixels along an axis.
    #[inline(always)]
    fn changes(&self, ray: &Rays, axis: usize) -> [F4; 4] {
        let [ds, dt, du, dv] = self.coat.place[axis].array();
        let along = F4::splat(self.coat.shadow[axis].last());
        let change = |change: f32, value: F4| (F4::splat(change) - value * along) * ray.distance;
        [change(ds, ray.s), change(dt, ray.t), change(du, ray.u), change(dv, ray.v)]
    }

    /// Colours pixels from `x` on; `texture` gives the colours (0 to 255) of the texture for up to four.
    #[inline(always)]
    fn paint(
        &self,
        lits: &mut Lits,
        palette: &Palette,
        thing: (&Item, &Sheet),
        x: i32,
        out: &mut [u32],
        texture: impl Fn(&Rays, usize) -> [F4; 4],
    ) {
        let mut x = F4::splat(x as f32 + 0.5) + F4::new([0.0, 1.0, 2.0, 3.0]);
        let mut square = Square { triangle: usize::MAX, corners: [0; 3] };
        let (fours, rest) = out.as_chunks_mut::<4>();
        for four in fours {
            self.up_to_four(lits, palette, thing, x, &mut square, four, &texture);
            x = x + F4::splat(4.0);
        }
        if !rest.is_empty() {
            self.up_to_four(lits, palette, thing, x, &mut square, rest, &texture);
        }
    }

    /// Colours up to four pixels with their middles at `x`.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "it is one loop's body, there for four and for fewer pixels")]
    fn up_to_four(
        &self,
        lits: &mut Lits,
        palette: &Palette,
        (item, sheet): (&Item, &Sheet),
        x: F4,
        square: &mut Square,
        out: &mut [u32],
        texture: &impl Fn(&Rays, usize) -> [F4; 4],
    ) {
        let coat = self.coat;
        let [ds, dt, du, dv] = coat.place[0].array();
        let [dx, dy, ddepth, dnear] = coat.shadow[0].array();
        let width = sheet.columns.count();
        let crossing = |lits: &mut Lits, column: usize, row: usize| {
            let own = || [sheet.crossing(column, row), sheet.normal];
            lits.number(coat.first + row * width + column, palette, item, own)
        };
        let at = |change: f32, left: F4| F4::splat(change) * x + left;
        // Beyond the rectangle's end, where its plane goes out of sight, nothing is farther than the end.
        let distance = F4::splat(1.0) / at(dnear, self.shadow[3]).max(F4::splat(coat.least));
        let seen = |change: f32, left: F4| at(change, left) * distance;
        let (s, t) = (seen(ds, self.place[S]), seen(dt, self.place[T]));
        let rays = Rays { distance, s, t, u: seen(du, self.place[U]), v: seen(dv, self.place[V]) };
        let textures = texture(&rays, out.len());
        let lit = palette.light.shadow.map_or([1.0; 4], |map| {
            let place = [seen(dx, self.shadow[0]), seen(dy, self.shadow[1]), seen(ddepth, self.shadow[2])];
            map.shares(place, out.len())
        });
        let (columns, ss) = sheet.columns.before(s);
        let (rows, ts) = sheet.rows.before(t);
        for (k, out) in out.iter_mut().enumerate() {
            let (column, row, s, t) = (columns[k] as usize, rows[k] as usize, ss[k], ts[k]);
            // The two triangles of a square share the diagonal from its first crossing to its last.
            let below = s >= t;
            let triangle = (row * width + column) * 2 + usize::from(below);
            if triangle != square.triangle {
                let third = if below { (column + 1, row) } else { (column, row + 1) };
                let (low, high) = (crossing(lits, column, row), crossing(lits, column + 1, row + 1));
                *square = Square { triangle, corners: [low, crossing(lits, third.0, third.1), high] };
            }
            let (low, third, high) = lits.three(square.corners);
            let [a, b, c] = if below { [1.0 - s, s - t, t] } else { [1.0 - t, t - s, s] };
            let (a, b, c) = (F4::splat(a), F4::splat(b), F4::splat(c));
            let mut colour = unit(low.base * a + third.base * b + high.base * c);
            if lit[k] > 0.0 {
                let shaded = unit(low.shaded * a + third.shaded * b + high.shaded * c);
                colour = colour + shaded * F4::splat(lit[k]);
            }
            *out = bytes(colour * textures[k]);
        }
    }
}

/// The triangle of a lattice's square that the last pixel showed, and the numbers of its corners.
struct Square {
    triangle: usize,
    corners: [usize; 3],
}

/// The side of a cube that a rectangle lies flat against, and the places on it: at the rectangle's origin, and their
/// changes across and along. `None` if the rectangle leans or reaches around an edge.
fn even_on_cube(origin: Vec3, across: Vec3, along: Vec3) -> Option<(usize, Vec3, Vec3)> {
    let middle = add(origin, scale(add(across, along), 0.5));
    let axes = CubeAxes::of(middle);
    let (o, a, b) = (axes.parts(origin), axes.parts(across), axes.parts(along));
    let major = o[2];
    let reaches =
        |k: usize| [o[k], o[k] + a[k], o[k] + b[k], o[k] + a[k] + b[k]].into_iter().any(|end| end.abs() > major);
    if major.is_nan() || major <= 0.0 || a[2] != 0.0 || b[2] != 0.0 || reaches(0) || reaches(1) {
        return None;
    }
    let linear = |k: usize| [0.5 * (o[k] / major + 1.0), 0.5 * a[k] / major, 0.5 * b[k] / major];
    Some((axes.side, linear(0), linear(1)))
}
