//! What a floor mirrors.

use super::canvas::NOTHING;
use super::easel::{Easel, Scene, each_patch};
use super::item::Item;
use super::lanes::{F4, I4};
use super::paint::{Palette, bytes};
use super::pass::surfaces_of;
use super::raster::{Bounds, Pixels};
use super::stage::Form;
use super::vector::{add, dot, scale, sub};
use super::view::Light;

impl Easel {
    /// Adds the mirror image on the first reflecting surface.
    pub(super) fn colour_mirror(&mut self, scene: &Scene) {
        let Scene { items, lamps, view, .. } = *scene;
        let Some(glass) = items.iter().position(reflects) else { return };
        let prop = items[glass].prop;
        let up = [prop.orientation[2], prop.orientation[5], prop.orientation[8]];
        let lift = if prop.form == Form::Box { prop.size[2] } else { 0.0 };
        let origin = add(prop.position, scale(up, lift));
        if dot(sub(view.eye, origin), up) < 0.0 {
            return;
        }
        let Some(number) = self.pass.seen.iter().position(|seen| seen.item == glass) else { return };
        let surfaces = surfaces_of(number);
        let Some(part) = self.canvas.part_with(surfaces.clone()) else { return };
        let view = view.mirrored(up, origin, part);

        self.pass.clear();
        for (number, item) in items.iter().enumerate().filter(|(_, item)| item.is_opaque()) {
            if number != glass {
                self.pass.bring(number, item, &view);
            }
        }
        self.mirror.resize(self.canvas.width, self.canvas.height);
        self.mirror.clear(&part);
        let (canvas, mirror) = (&self.canvas, &mut self.mirror);
        let (low, high) = (I4::splat(surfaces.start - 1), I4::splat(surfaces.end));
        for number in 0..self.pass.seen.len() {
            self.pass.cover::<Pixels>(number, &view, items, |x, y, covered, nearness, surface| {
                let pixel = y as usize * canvas.width + x as usize;
                let shown = canvas.pixels[pixel].surfaces;
                let behind = canvas.pixels[pixel].nearness.at_least(nearness);
                let seen = covered & behind & shown.exceeds(low) & high.exceeds(shown);
                if seen.signs() != 0 {
                    mirror.put(x, y, seen, nearness, surface);
                }
            });
        }

        let light = Light { lamps, strength: prop.surface.reflectance, shadow: None };
        let pass = &self.pass;
        let palette = Palette { items, view: &view, light, pass };
        self.paint.begin(&palette);
        let Bounds { x0, y0, x1, y1 } = part;
        for y in y0..y1 {
            for x in x0..x1 {
                let pixel = y as usize * self.mirror.width + x as usize;
                each_patch(self.mirror.pixels[pixel].surfaces, &palette, |surface, samples| {
                    if surface == NOTHING {
                        return;
                    }
                    let mut colour = 0;
                    self.paint.paint(&palette, surface, (x, y), std::slice::from_mut(&mut colour));
                    for (k, old) in self.colours[pixel].iter_mut().enumerate() {
                        if samples & (1 << k) != 0 {
                            *old = bytes(F4::of_bytes(*old) + F4::of_bytes(colour));
                        }
                    }
                });
            }
        }
    }
}

fn reflects(item: &Item) -> bool {
    matches!(item.prop.form, Form::Plane | Form::Box) && item.prop.surface.reflectance > 0.0 && item.is_opaque()
}
