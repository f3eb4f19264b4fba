//! Textures with their smaller versions, and colours looked up in them.

use super::lanes::{F4, I4};
use super::stage::{TextureKind, TextureSource};
use super::vector::Vec3;

/// A texture: one side, or six of a cube in GL's order (+x, −x, +y, −y, +z, −z).
#[derive(Debug, Clone)]
pub struct Texture {
    /// How it is wrapped around things.
    pub kind: TextureKind,
    sides: Vec<Side>,
}

/// A side at all its sizes, the largest first; each is half of the one before.
#[derive(Debug, Clone)]
pub struct Side {
    levels: Vec<Level>,
    /// Colours of all levels, red in the lowest byte; the highest is 0. Behind each row and the last row stand the pixels
    /// that come next: the first ones again if the texture repeats, otherwise the last ones.
    pixels: Vec<u32>,
    /// The texture repeats endlessly; otherwise its rim goes on.
    repeats: bool,
}

/// A side at one size.
#[derive(Debug, Clone, Copy)]
struct Level {
    width: f32,
    height: f32,
    /// Pixels from one row to the next.
    stride: f32,
    /// Where its pixels begin.
    first: i32,
}

/// Places on a side (0 to 1 over its width and height) that four pixels of a picture show, and how far those that their
/// neighbours show are from them.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    /// u and v.
    pub at: [F4; 2],
    /// Changes of u and v to the pixel to the right.
    pub dx: [F4; 2],
    /// Changes of u and v to the pixel above.
    pub dy: [F4; 2],
}

impl Texture {
    /// Takes a texture of the model and makes its levels.
    pub fn of_model(source: &TextureSource) -> Texture {
        let repeats = source.kind == TextureKind::Flat;
        let side = |first: usize, width: usize, height: usize| {
            let bytes = &source.pixels[first * source.channels..];
            let pixel = |p: &[u8]| u32::from_le_bytes([p[0], p[1 % p.len()], p[2 % p.len()], 0]);
            let pixels = bytes.chunks_exact(source.channels).take(width * height).map(pixel).collect();
            Side::new([width, height], pixels, repeats)
        };
        let size = source.width;
        let sides = match source.kind {
            TextureKind::Flat => vec![side(0, size, source.height)],
            _ if source.height == size => vec![side(0, size, size); 1],
            _ => (0..6).map(|face| side(face * size * size, size, size)).collect(),
        };
        Texture { kind: source.kind, sides }
    }

    /// A side; cubes with six equal sides have but one.
    #[inline(always)]
    pub fn side(&self, side: usize) -> &Side {
        &self.sides[side.min(self.sides.len() - 1)]
    }

    /// The colour of all pixels, if it is one.
    pub fn plain(&self) -> Option<F4> {
        let first = self.sides[0].pixels[0];
        let all = self.sides.iter().flat_map(|side| &side.pixels);
        all.clone().all(|pixel| *pixel == first).then(|| F4::of_bytes(first))
    }

    /// The colour (0 to 255) in a direction of a cube; `dx`, `dy` are the direction's changes to the neighbouring
    /// pixels.
    pub fn cube(&self, direction: Vec3, dx: Vec3, dy: Vec3) -> F4 {
        let axes = CubeAxes::of(direction);
        let [s, t, major] = axes.parts(direction);
        if major <= 0.0 {
            return F4::splat(0.0);
        }
        let inverse = 1.0 / major;
        let (u, v) = (s * inverse, t * inverse);
        let change = |d: Vec3| {
            let [ds, dt, dm] = axes.parts(d);
            [(ds - u * dm) * inverse * 0.5, (dt - v * dm) * inverse * 0.5]
        };
        self.side(axes.side).colour([0.5 * (u + 1.0), 0.5 * (v + 1.0)], change(dx), change(dy))
    }
}

/// Which side of a cube a direction meets, and the axes (with sign) along and down it and out of it: GL's table.
#[derive(Debug, Clone, Copy)]
pub struct CubeAxes {
    /// Number of the side.
    pub side: usize,
    axes: [(usize, f32); 3],
}

impl CubeAxes {
    /// For a direction.
    pub fn of([x, y, z]: Vec3) -> CubeAxes {
        let (ax, ay, az) = (x.abs(), y.abs(), z.abs());
        let (side, axes) = if ax >= ay && ax >= az {
            if x >= 0.0 { (0, [(2, -1.0), (1, -1.0), (0, 1.0)]) } else { (1, [(2, 1.0), (1, -1.0), (0, -1.0)]) }
        } else if ay >= az {
            if y >= 0.0 { (2, [(0, 1.0), (2, 1.0), (1, 1.0)]) } else { (3, [(0, 1.0), (2, -1.0), (1, -1.0)]) }
        } else if z >= 0.0 {
            (4, [(0, 1.0), (1, -1.0), (2, 1.0)])
        } else {
            (5, [(0, -1.0), (1, -1.0), (2, -1.0)])
        };
        CubeAxes { side, axes }
    }

    /// A vector along, down and out of the side.
    #[inline(always)]
    pub fn parts(&self, v: Vec3) -> Vec3 {
        self.axes.map(|(axis, sign)| v[axis] * sign)
    }
}

impl Side {
    /// Makes the levels down to one pixel; each pixel is the mean of four.
    fn new(size: [usize; 2], pixels: Vec<u32>, repeats: bool) -> Side {
        let mut side = Side { levels: Vec::new(), pixels: Vec::new(), repeats };
        let (mut pixels, mut now) = (pixels, size);
        loop {
            side.add(now, &pixels);
            if now == [1, 1] {
                side.pixels.shrink_to_fit();
                return side;
            }
            let next = now.map(|length| (length / 2).max(1));
            (pixels, now) = (halved(&pixels, now, next), next);
        }
    }

    /// Adds a level with the pixels that come next.
    fn add(&mut self, [width, height]: [usize; 2], pixels: &[u32]) {
        let first = self.pixels.len() as i32;
        self.levels.push(Level { width: width as f32, height: height as f32, stride: (width + 1) as f32, first });
        let behind = |length: usize| if self.repeats { 0 } else { length - 1 };
        let (column, row) = (behind(width), behind(height));
        for y in (0..height).chain([row]) {
            let row = &pixels[y * width..][..width];
            self.pixels.extend_from_slice(row);
            self.pixels.push(row[column]);
        }
    }

    /// The colour (0 to 255) at a place with its changes to the pixels to the right and above.
    pub fn colour(&self, at: [f32; 2], dx: [f32; 2], dy: [f32; 2]) -> F4 {
        let four = |[u, v]: [f32; 2]| [F4::splat(u), F4::splat(v)];
        self.colours(&Places { at: four(at), dx: four(dx), dy: four(dy) }, 1)[0]
    }

    /// The colours (0 to 255) at the first `count` places, each between the two levels whose pixels are nearest in size
    /// to the picture's. The others' may be anything.
    #[inline(always)]
    pub fn colours(&self, places: &Places, count: usize) -> [F4; 4] {
        let (width, height) = (F4::splat(self.levels[0].width), F4::splat(self.levels[0].height));
        let square = |[du, dv]: [F4; 2]| {
            let (a, b) = (du * width, dv * height);
            a * a + b * b
        };
        let detail = F4::splat(0.5) * log2(square(places.dx).max(square(places.dy)));
        let most = F4::splat((self.levels.len() - 1) as f32);
        let detail = detail.max(F4::splat(0.0)).min(most);
        let low = detail.floor();
        let (lows, shares) = (low.whole().array(), detail - low);
        // Neighbours nearly always have the same levels.
        let differ = low.bits().equals(F4::splat(low.first()).bits()).signs() ^ 0b1111;
        if differ & ((1 << count) - 1) == 0 {
            return self.between_levels(lows[0], places.at, shares, count);
        }
        let mut colours = [F4::splat(0.0); 4];
        for (k, colour) in colours.iter_mut().enumerate().take(count) {
            let at = places.at.map(|coordinate| F4::splat(coordinate.array()[k]));
            *colour = self.between_levels(lows[k], at, F4::splat(shares.array()[k]), 1)[0];
        }
        colours
    }

    /// Colours between a level and the next one.
    #[inline(always)]
    fn between_levels(&self, low: i32, at: [F4; 2], shares: F4, count: usize) -> [F4; 4] {
        let mut colours = self.between_pixels(&self.levels[low as usize], at, count);
        if shares.exceeds(F4::splat(0.0)).signs() & ((1 << count) - 1) != 0 {
            let coarse = self.between_pixels(&self.levels[low as usize + 1], at, count);
            for ((colour, coarse), share) in colours.iter_mut().zip(coarse).zip(shares.array()) {
                *colour = *colour + (coarse - *colour) * F4::splat(share);
            }
        }
        colours
    }

    /// Colours between the four nearest pixels of a level. Places that are no numbers, seen edge on, are black.
    #[inline(always)]
    fn between_pixels(&self, level: &Level, [u, v]: [F4; 2], count: usize) -> [F4; 4] {
        let (x, fx) = before(u, F4::splat(level.width), self.repeats);
        let (y, fy) = before(v, F4::splat(level.height), self.repeats);
        // Single precision holds the numbers of up to 2²⁴ pixels.
        let lower = (y * F4::splat(level.stride) + x).whole() + I4::splat(level.first);
        let upper = (lower + I4::splat(level.stride as i32)).array();
        let (lower, fx, fy) = (lower.array(), fx.array(), fy.array());
        let pair = |index: i32| match self.pixels.get(index as u32 as usize..) {
            Some([left, right, ..]) => F4::of_byte_pair(u64::from(*left) | u64::from(*right) << 32),
            _ => [F4::splat(0.0); 2],
        };
        let mut colours = [F4::splat(0.0); 4];
        for (k, colour) in colours.iter_mut().enumerate().take(count) {
            let ([a, b], [c, d]) = (pair(lower[k]), pair(upper[k]));
            let (fx, fy) = (F4::splat(fx[k]), F4::splat(fy[k]));
            let (below, above) = (a + (b - a) * fx, c + (d - c) * fx);
            *colour = below + (above - below) * fy;
        }
        colours
    }
}

/// A level's next one: each pixel is the mean of four.
fn halved(pixels: &[u32], [width, height]: [usize; 2], next: [usize; 2]) -> Vec<u32> {
    let mut halved = Vec::with_capacity(next[0] * next[1]);
    for y in 0..next[1] {
        for x in 0..next[0] {
            let at = |dx: usize, dy: usize| pixels[(2 * y + dy).min(height - 1) * width + (2 * x + dx).min(width - 1)];
            let four = [at(0, 0), at(1, 0), at(0, 1), at(1, 1)];
            let byte = |k: u32| four.iter().map(|pixel| (pixel >> (8 * k)) & 0xff).sum::<u32>();
            let mean = |k: u32| ((byte(k) + 2) / 4) << (8 * k);
            halved.push(mean(0) | mean(1) | mean(2));
        }
    }
    halved
}

/// The pixels before coordinates, and the next ones' shares.
#[inline(always)]
fn before(coordinate: F4, size: F4, repeats: bool) -> (F4, F4) {
    let (zero, last) = (F4::splat(0.0), size - F4::splat(1.0));
    if repeats {
        let at = (coordinate - coordinate.floor()) * size - F4::splat(0.5);
        let cell = at.floor();
        (cell.or_else(cell.at_least(zero), last), at - cell)
    } else {
        let at = (coordinate * size - F4::splat(0.5)).max(zero).min(last);
        let cell = at.floor();
        (cell, at - cell)
    }
}

/// log2 with the mantissa taken as a straight line, as GPUs do it for texture levels: within 0.09.
#[inline(always)]
fn log2(x: F4) -> F4 {
    x.bits().numbers() * F4::splat(1.0 / 8_388_608.0) - F4::splat(127.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A texture with one byte per pixel.
    fn texture(kind: TextureKind, width: usize, height: usize, pixels: &[u8]) -> Texture {
        Texture::of_model(&TextureSource { kind, width, height, channels: 1, pixels })
    }

    fn colour(side: &Side, u: f32, v: f32, step: f32) -> [f32; 4] {
        side.colour([u, v], [step, 0.0], [0.0, step]).array()
    }

    #[test]
    fn colours_are_mixed_between_pixels() {
        let texture = texture(TextureKind::Flat, 2, 2, &[0, 100, 200, 100]);
        let colour = |u, v| colour(texture.side(0), u, v, 0.0);
        assert_eq!(colour(0.25, 0.25), [0.0, 0.0, 0.0, 0.0]);
        assert_eq!(colour(0.75, 0.25), [100.0, 100.0, 100.0, 0.0]);
        assert_eq!(colour(0.5, 0.5), [100.0, 100.0, 100.0, 0.0]);
        assert_eq!(colour(0.25, 0.5), [100.0, 100.0, 100.0, 0.0]);
    }

    #[test]
    fn flat_textures_repeat_and_sides_of_cubes_end() {
        let flat = texture(TextureKind::Flat, 2, 1, &[0, 100]);
        assert_eq!(colour(flat.side(0), 1.25, 7.5, 0.0)[0], 0.0);
        assert_eq!(colour(flat.side(0), -0.25, 0.5, 0.0)[0], 100.0);
        assert_eq!(colour(flat.side(0), 1.0, 0.5, 0.0)[0], 50.0);
        let cube = texture(TextureKind::Cube, 2, 2, &[0, 100, 0, 100]);
        assert_eq!(colour(cube.side(3), 1.0, 0.5, 0.0)[0], 100.0);
        assert_eq!(colour(cube.side(3), 0.0, 0.5, 0.0)[0], 0.0);
    }

    #[test]
    fn what_is_far_away_has_the_mean_colour() {
        let texture =
            texture(TextureKind::Flat, 4, 4, &[0, 50, 100, 150, 10, 60, 110, 160, 0, 0, 0, 0, 40, 40, 40, 40]);
        assert_eq!(colour(texture.side(0), 0.3, 0.4, 1.0)[0], 50.0);
        let two = colour(texture.side(0), 0.25, 0.25, 0.5)[0];
        assert_eq!(two, 30.0);
    }

    #[test]
    fn four_places_have_the_colours_of_each_alone() {
        let pixels: Vec<u8> = (0..64).map(|k| (k * 37 % 251) as u8).collect();
        for kind in [TextureKind::Flat, TextureKind::Cube] {
            let texture = texture(kind, 8, 8, &pixels);
            let side = texture.side(0);
            for steps in [[0.05; 4], [0.3, 0.31, 0.32, 0.33], [0.01, 0.2, 0.3, 4.0]] {
                let (u, v) = ([0.1, 0.4, 0.93, 1.2], [0.7, 0.99, -0.3, 0.2]);
                let (none, steps4) = (F4::splat(0.0), F4::new(steps));
                let places = Places { at: [F4::new(u), F4::new(v)], dx: [steps4, none], dy: [none, steps4] };
                let together = side.colours(&places, 4);
                for k in 0..4 {
                    assert_eq!(together[k].array(), colour(side, u[k], v[k], steps[k]));
                }
            }
        }
    }

    #[test]
    fn cubes_have_their_sides_where_gl_has_them() {
        let pixels: Vec<u8> = (0..6).flat_map(|side| [side * 10; 4]).collect();
        let cube = texture(TextureKind::Cube, 2, 12, &pixels);
        let ways =
            [[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0]];
        for (side, way) in ways.into_iter().enumerate() {
            assert_eq!(cube.cube(way, [0.0; 3], [0.0; 3]).first(), side as f32 * 10.0);
        }
        assert!(cube.plain().is_none());
        assert!(texture(TextureKind::Skybox, 1, 1, &[9]).plain().is_some());
    }
}
