//! Which surface each sample of a picture shows.

use super::lanes::{F4, I4};
use super::raster::Bounds;

/// No surface.
pub const NOTHING: i32 = -1;

/// For each sample the nearest surface so far; row 0 is at the bottom.
#[derive(Debug, Default)]
pub struct Canvas {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The pixels, row by row.
    pub pixels: Vec<Samples>,
}

/// What the four samples of a pixel show.
#[derive(Debug, Clone, Copy)]
pub struct Samples {
    /// Reciprocal distances, 0 where nothing is.
    pub nearness: F4,
    /// Numbers of surfaces.
    pub surfaces: I4,
}

impl Samples {
    fn empty() -> Samples {
        Samples { nearness: F4::splat(0.0), surfaces: I4::splat(NOTHING) }
    }
}

impl Canvas {
    /// Takes on a size. Between two calls of [`Canvas::clear`] the contents are left over from earlier pictures.
    pub fn resize(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.pixels.resize(width * height, Samples::empty());
    }

    /// The whole picture.
    pub fn bounds(&self) -> Bounds {
        Bounds { x0: 0, y0: 0, x1: self.width as i32, y1: self.height as i32 }
    }

    /// Empties the rows of a part.
    pub fn clear(&mut self, part: &Bounds) {
        self.pixels[part.y0 as usize * self.width..part.y1 as usize * self.width].fill(Samples::empty());
    }

    /// Puts a surface where it covers samples and is not behind what is there.
    #[inline(always)]
    pub fn put(&mut self, x: i32, y: i32, covered: I4, nearness: F4, surface: I4) {
        let pixel = &mut self.pixels[y as usize * self.width + x as usize];
        let seen = covered & nearness.at_least(pixel.nearness);
        pixel.nearness = nearness.or_else(seen, pixel.nearness);
        pixel.surfaces = surface.or_else(seen, pixel.surfaces);
    }

    /// The smallest part that has all pixels in which a sample's surface is one of these.
    pub fn part_with(&self, surfaces: std::ops::Range<i32>) -> Option<Bounds> {
        let (low, high) = (I4::splat(surfaces.start - 1), I4::splat(surfaces.end));
        let mut part: Option<Bounds> = None;
        for (y, row) in self.pixels.chunks_exact(self.width).enumerate() {
            let has = |pixel: &Samples| (pixel.surfaces.exceeds(low) & high.exceeds(pixel.surfaces)).signs() != 0;
            let Some(first) = row.iter().position(has) else { continue };
            let last = row.iter().rposition(has).unwrap_or(first);
            let (x0, x1, y) = (first as i32, last as i32 + 1, y as i32);
            part = Some(match part {
                Some(part) => Bounds { x0: part.x0.min(x0), x1: part.x1.max(x1), y0: part.y0, y1: y + 1 },
                None => Bounds { x0, x1, y0: y, y1: y + 1 },
            });
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_surface_stays() {
        let mut canvas = Canvas::default();
        canvas.resize(2, 2);
        canvas.clear(&canvas.bounds());
        canvas.put(1, 1, I4::new([-1, -1, 0, 0]), F4::splat(2.0), I4::splat(7));
        canvas.put(1, 1, I4::splat(-1), F4::new([1.0, 3.0, 1.0, 0.5]), I4::splat(8));
        assert_eq!(canvas.pixels[3].surfaces.array(), [7, 8, 8, 8]);
        assert_eq!(canvas.pixels[3].nearness.array(), [2.0, 3.0, 1.0, 0.5]);
        assert_eq!(canvas.part_with(8..9), Some(Bounds { x0: 1, y0: 1, x1: 2, y1: 2 }));
        assert_eq!(canvas.part_with(9..10), None);
    }
}
