//! What can be seen through.

use super::easel::{Easel, Scene};
use super::lanes::F4;
use super::paint::{Palette, bytes};
use super::raster::Pixels;
use super::vector::{dot, sub};
use super::view::Light;

/// Samples of a pixel in which a surface that can be seen through is before the others.
pub struct Hit {
    pixel: usize,
    covered: u32,
    surface: i32,
}

impl Easel {
    /// Draws what can be seen through, over the rest: front to back, then back to front, as MuJoCo does.
    pub(super) fn colour_transparent(&mut self, scene: &Scene) {
        let Scene { items, lamps, view, .. } = *scene;
        self.pass.clear();
        for (number, item) in items.iter().enumerate().filter(|(_, item)| !item.is_opaque()) {
            self.pass.bring(number, item, view);
        }
        if self.pass.seen.is_empty() {
            return;
        }
        let mut order: Vec<(f32, usize)> = Vec::new();
        for (number, seen) in self.pass.seen.iter().enumerate() {
            let item = &items[seen.item];
            let away = sub(item.prop.position, view.eye);
            order.push((dot(away, away).sqrt() - item.extent.reach(item.scale), number));
        }
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let light = Light { lamps, strength: 1.0, shadow: None };
        let pass = &self.pass;
        let palette = Palette { items, view, light, pass };
        self.paint.begin(&palette);
        let (canvas, hits) = (&self.canvas, &mut self.hits);
        for (_, number) in order.iter().chain(order.iter().rev()) {
            hits.clear();
            self.pass.cover::<Pixels>(*number, view, items, |x, y, covered, nearness, surface| {
                let pixel = y as usize * canvas.width + x as usize;
                let covered = (covered & nearness.at_least(canvas.pixels[pixel].nearness)).signs();
                if covered != 0 {
                    hits.push(Hit { pixel, covered, surface: surface.first() });
                }
            });
            let alpha = F4::splat(items[pass.seen[*number].item].prop.surface.rgba[3]);
            for hit in hits.iter() {
                let (x, y) = ((hit.pixel % canvas.width) as i32, (hit.pixel / canvas.width) as i32);
                let mut colour = 0;
                self.paint.paint(&palette, hit.surface, (x, y), std::slice::from_mut(&mut colour));
                let colour = F4::of_bytes(colour);
                for (k, old) in self.colours[hit.pixel].iter_mut().enumerate() {
                    if hit.covered & (1 << k) != 0 {
                        let before = F4::of_bytes(*old);
                        *old = bytes(before + (colour - before) * alpha);
                    }
                }
            }
        }
    }
}
