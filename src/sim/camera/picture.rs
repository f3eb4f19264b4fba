//! One picture from a stage.

use std::sync::Arc;

use super::assets::Assets;
use super::built_in::BuiltIn;
use super::easel::{Easel, Scene};
use super::item::Item;
use super::lighting::Lamps;
use super::stage::{Light, Prop, Stage};
use super::survey::Sight;
use super::view::View;

/// Draws pictures. Keeps its buffers from picture to picture (a thread needs but one renderer for all episodes), but
/// nothing of a picture shows in the next one.
#[derive(Default)]
pub struct Renderer {
    easel: Easel,
    built_in: BuiltIn,
    /// The model of the last picture.
    last: Option<Arc<Assets>>,
}

impl Renderer {
    /// A renderer that has drawn nothing yet.
    pub fn new() -> Renderer {
        Renderer::default()
    }

    /// Draws the stage: `width` × `height` pixels of three bytes (red, green, blue), row 0 on top, as the camera sees it.
    /// The stage's meshes and textures are numbered as in `assets`.
    ///
    /// A simulation that has become unstable leaves numbers behind that no picture can be drawn from. Things and lights
    /// that have such numbers are left out; if the camera has, the picture is black.
    pub fn draw(&mut self, assets: &Arc<Assets>, stage: &Stage, [width, height]: [usize; 2], out: &mut Vec<u8>) {
        self.make_ready(assets, stage);
        if !stage.camera.is_drawable() {
            out.clear();
            out.resize(width * height * 3, 0);
            return;
        }
        let items: Vec<Item> = drawable(stage).map(|prop| Item::new(prop, assets, &self.built_in)).collect();
        let lights: Vec<&Light> = stage.lights.iter().filter(|light| light.is_drawable()).collect();
        let lamps = Lamps::new(&lights);
        let view = View::of(&stage.camera, width, height);
        let light = lamps.shadowed.map(|lamp| (lights[lamp], assets.quality.shadow_clip));
        let scene = Scene { items: &items, lamps: &lamps, view: &view, sky: assets.sky.as_ref() };
        self.easel.draw(&scene, light, [width, height], out);
    }

    /// What each pixel of such a picture shows; nothing if the camera's numbers are impossible.
    pub fn survey(&mut self, assets: &Arc<Assets>, stage: &Stage, size: [usize; 2], out: &mut Vec<Sight>) {
        self.make_ready(assets, stage);
        let seen = drawable(stage).filter(|prop| prop.object.is_some() && stage.camera.is_drawable());
        let items: Vec<Item> = seen.map(|prop| Item::new(prop, assets, &self.built_in)).collect();
        self.easel.survey(&items, &stage.camera, size, out);
    }

    fn make_ready(&mut self, assets: &Arc<Assets>, stage: &Stage) {
        if self.last.as_ref().is_none_or(|last| !Arc::ptr_eq(last, assets)) {
            self.easel.forget();
            self.last = Some(Arc::clone(assets));
        }
        drawable(stage).for_each(|prop| self.built_in.make(prop, assets.quality));
    }
}

fn drawable(stage: &Stage) -> impl Iterator<Item = &Prop> {
    stage.props.iter().filter(|prop| prop.is_drawable())
}
