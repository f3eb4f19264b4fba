//! Which object each pixel shows, and how far away it is.

use super::canvas::NOTHING;
use super::easel::Easel;
use super::item::Item;
use super::pass::surface_parts;
use super::raster::Middles;
use super::stage::{Camera, Object};
use super::view::View;

/// What the middle of a pixel shows. What can be seen through counts like everything else.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sight {
    /// How far away it is along the camera's axis, metres; the distance of the far plane where nothing is.
    pub depth_m: f32,
    /// The nearest object; `None` where nothing is.
    pub object: Option<Object>,
}

impl Easel {
    /// What the pixels of a picture show of things that are objects, row 0 on top. Meshes are taken as they are, without
    /// simplification.
    pub(super) fn survey(
        &mut self,
        items: &[Item],
        camera: &Camera,
        [width, height]: [usize; 2],
        out: &mut Vec<Sight>,
    ) {
        let view = View { fineness: 0.0, ..View::of(camera, width, height) };
        self.pass.clear();
        for (number, item) in items.iter().enumerate() {
            self.pass.bring(number, item, &view);
        }
        let canvas = &mut self.canvas;
        canvas.resize(width.div_ceil(2), height.div_ceil(2));
        canvas.clear(&canvas.bounds());
        for number in 0..self.pass.seen.len() {
            self.pass.cover::<Middles>(number, &view, items, |x, y, covered, nearness, surface| {
                canvas.put(x, y, covered, nearness, surface);
            });
        }
        let nothing = Sight { depth_m: camera.far, object: None };
        out.clear();
        for y in (0..height).rev() {
            let row = y / 2 * canvas.width;
            out.extend((0..width).map(|x| {
                let (block, place) = (row + x / 2, y % 2 * 2 + x % 2);
                let surface = canvas.pixels[block].surfaces.array()[place];
                let depth_m = 1.0 / canvas.pixels[block].nearness.array()[place];
                if surface == NOTHING || depth_m > camera.far {
                    return nothing;
                }
                let (seen, _) = surface_parts(surface);
                Sight { depth_m, object: items[self.pass.seen[seen].item].prop.object }
            }));
        }
    }
}
