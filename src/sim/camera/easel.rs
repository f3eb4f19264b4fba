//! Buffers in which a picture comes about, and the order in which it does.

use super::assets::Sky;
use super::canvas::{Canvas, NOTHING};
use super::item::Item;
use super::lanes::{F4, I4};
use super::lighting::Lamps;
use super::paint::{Paint, Palette, bytes};
use super::pass::Pass;
use super::raster::Pixels;
use super::shadow::ShadowMap;
use super::stage;
use super::transparent::Hit;
use super::vector::{Vec3, add, scale};
use super::view::{Light, View};

/// What a picture shows.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// All things.
    pub items: &'a [Item<'a>],
    /// All lights.
    pub lamps: &'a Lamps,
    /// From where they are looked at.
    pub view: &'a View,
    /// What is behind them.
    pub sky: Option<&'a Sky>,
}

/// Buffers for pictures.
#[derive(Default)]
pub struct Easel {
    /// For small pictures and for large ones.
    pub(super) shadows: [ShadowMap; 2],
    pub(super) pass: Pass,
    pub(super) paint: Paint,
    pub(super) canvas: Canvas,
    pub(super) mirror: Canvas,
    /// For each pixel the colours of its samples: bytes, red lowest.
    pub(super) colours: Vec<[u32; 4]>,
    /// Colours of a run of pixels.
    run: Vec<u32>,
    pub(super) hits: Vec<Hit>,
}

/// Pictures larger than this have the finer shadow map.
const SMALL_PICTURE: usize = 128;

/// Squares across the shadow map of small and large pictures.
const SHADOW_SIZES: [usize; 2] = [384, 1024];

impl Easel {
    /// Forgets what things looked like: from now on they belong to another model.
    pub fn forget(&mut self) {
        self.shadows.iter_mut().for_each(ShadowMap::forget);
    }

    /// Draws a picture. `shadow` is the light that casts shadows and how far to each side of it they are drawn, metres.
    pub fn draw(
        &mut self,
        scene: &Scene,
        shadow: Option<(&stage::Light, f32)>,
        [width, height]: [usize; 2],
        out: &mut Vec<u8>,
    ) {
        let kind = usize::from(width.max(height) > SMALL_PICTURE);
        if let Some((light, half)) = shadow {
            self.shadows[kind].cast(SHADOW_SIZES[kind], light, half, scene.items);
        }
        self.canvas.resize(width, height);
        self.canvas.clear(&self.canvas.bounds());
        self.colours.resize(width * height, [0; 4]);
        self.cover(scene);
        self.colour(scene, kind);
        self.colour_mirror(scene);
        self.colour_transparent(scene);
        self.resolve(out);
    }

    /// Puts all that cannot be seen through on the canvas.
    fn cover(&mut self, scene: &Scene) {
        let Scene { items, view, .. } = *scene;
        self.pass.clear();
        for (number, item) in items.iter().enumerate().filter(|(_, item)| item.is_opaque()) {
            self.pass.bring(number, item, view);
        }
        let canvas = &mut self.canvas;
        for number in 0..self.pass.seen.len() {
            self.pass.cover::<Pixels>(number, view, items, |x, y, covered, nearness, surface| {
                canvas.put(x, y, covered, nearness, surface);
            });
        }
    }

    /// Colours the samples of the canvas, and those that show nothing like the sky; in the shadows of that kind of picture.
    fn colour(&mut self, scene: &Scene, kind: usize) {
        let Scene { items, lamps, view, sky, .. } = *scene;
        let light = Light { lamps, strength: 1.0, shadow: lamps.shadowed.map(|_| &self.shadows[kind]) };
        let pass = &self.pass;
        let palette = Palette { items, view, light, pass };
        self.paint.begin(&palette);
        let turned = |v: Vec3| [v[0], v[2], -v[1]];
        let [dx, dy, origin] = view.projection.rays().map(turned);
        let sky = |x: i32, y: i32| match sky {
            None => F4::splat(0.0),
            Some(Sky { plain: Some(colour), .. }) => *colour,
            Some(Sky { texture, plain: None }) => {
                let ray = add(add(scale(dx, x as f32 + 0.5), scale(dy, y as f32 + 0.5)), origin);
                texture.cube(ray, dx, dy)
            }
        };
        let width = self.canvas.width;
        self.run.resize(width, 0);
        for (y, (row, colours)) in
            self.canvas.pixels.chunks_exact(width).zip(self.colours.chunks_exact_mut(width)).enumerate()
        {
            let y = y as i32;
            let mut paint = |surface: i32, x: usize, out: &mut [u32]| {
                if surface == NOTHING {
                    out.iter_mut().zip(x as i32..).for_each(|(out, x)| *out = bytes(sky(x, y)));
                } else {
                    self.paint.paint(&palette, surface, (x as i32, y), out);
                }
            };
            let mut x = 0;
            while x < width {
                let surface = row[x].surfaces.first();
                let run =
                    row[x..].iter().take_while(|pixel| pixel.surfaces.equals(I4::splat(surface)).signs() == 0b1111);
                let count = run.count();
                if count > 0 {
                    paint(surface, x, &mut self.run[..count]);
                    for (colours, colour) in colours[x..].iter_mut().zip(&self.run[..count]) {
                        *colours = [*colour; 4];
                    }
                    x += count;
                    continue;
                }
                each_patch(row[x].surfaces, &palette, |surface, samples| {
                    let mut colour = 0;
                    paint(surface, x, std::slice::from_mut(&mut colour));
                    for (k, old) in colours[x].iter_mut().enumerate() {
                        if samples & (1 << k) != 0 {
                            *old = colour;
                        }
                    }
                });
                x += 1;
            }
        }
    }

    /// Averages the samples and turns the picture upright.
    #[inline(never)]
    fn resolve(&self, out: &mut Vec<u8>) {
        out.resize(self.colours.len() * 3, 0);
        let width = self.canvas.width;
        for (row, bytes) in self.colours.chunks_exact(width).rev().zip(out.chunks_exact_mut(width * 3)) {
            for (samples, bytes) in row.iter().zip(bytes.chunks_exact_mut(3)) {
                let [a, b, c, d] = *samples;
                let mut mean = a;
                if b != a || c != a || d != a {
                    // Red and blue side by side, then green: sums of four bytes need ten bits.
                    let outer = |sample: u32| sample & 0x00ff_00ff;
                    let outer = outer(a) + outer(b) + outer(c) + outer(d) + 0x0002_0002;
                    let green = |sample: u32| (sample >> 8) & 0xff;
                    let green = green(a) + green(b) + green(c) + green(d) + 2;
                    mean = (outer >> 2) & 0x00ff_00ff | (green >> 2) << 8;
                }
                (bytes[0], bytes[1], bytes[2]) = (mean as u8, (mean >> 8) as u8, (mean >> 16) as u8);
            }
        }
    }
}

/// Visits what a pixel's samples show, each patch once: one of its surfaces, with a bit for each of the samples. Triangles
/// of a patch have about the same colour in a pixel, whichever of them is asked, unless the mesh folds over itself there.
#[inline(always)]
pub(super) fn each_patch(surfaces: I4, palette: &Palette, mut at: impl FnMut(i32, u32)) {
    let first = surfaces.first();
    let same = surfaces.equals(I4::splat(first)).signs();
    if same == 0b1111 {
        at(first, same);
        return;
    }
    let all = surfaces.array();
    let mut left = 0b1111_u32;
    while left != 0 {
        let surface = all[left.trailing_zeros() as usize];
        let mut same = surfaces.equals(I4::splat(surface)).signs();
        let mut others = left & !same;
        while others != 0 {
            let other = others.trailing_zeros();
            if palette.pass.are_of_one_patch(surface, all[other as usize], palette.items) {
                same |= 1 << other;
            }
            others &= others - 1;
        }
        at(surface, same & left);
        left &= !same;
    }
}
