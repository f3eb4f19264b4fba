//! Pictures of episodes: what each camera of a contest sees.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::camera::{AssetCache, Assets, Renderer, Stage};
use super::engine::{Model, Physics, Visualiser};
use super::error::SimError;
use crate::domain::{CameraSetting, Frame, Image};

/// Takes pictures of the episodes of one model. What it draws with is kept for the next picture; nothing of an episode
/// stays in it.
#[derive(Default)]
pub(super) struct Studio {
    /// What other models have made ready too.
    looks: Arc<Mutex<AssetCache>>,
    /// Made with the first picture.
    assets: OnceLock<Arc<Assets>>,
    idle: Mutex<Vec<Crew>>,
}

/// What one thread takes pictures with.
struct Crew {
    visualiser: Visualiser,
    renderer: Renderer,
    stage: Stage,
    rgb: Vec<u8>,
}

impl Studio {
    pub(super) fn new(looks: Arc<Mutex<AssetCache>>) -> Studio {
        Studio { looks, ..Studio::default() }
    }

    /// What each camera sees, in their order. What MuJoCo derives from positions must be up to date.
    ///
    /// # Errors
    /// [`SimError::NoSuchElement`] if the model lacks a camera.
    pub(super) fn pictures(&self, physics: &mut Physics, cameras: &[CameraSetting]) -> Result<Vec<Image>, SimError> {
        let model = Arc::clone(physics.model());
        let assets = self.assets.get_or_init(|| Arc::new(self.make_ready(&model)));
        let mut crew = self.crew(&model);
        let frames = cameras.iter().map(|camera| crew.picture(assets, &model, physics, camera)).collect();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(crew);
        frames
    }

    fn make_ready(&self, model: &Model) -> Assets {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        Assets::new(model.quality(), &model.meshes(), &model.textures(), &mut looks)
    }

    fn crew(&self, model: &Model) -> Crew {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Crew {
            visualiser: Visualiser::new(model),
            renderer: Renderer::new(),
            stage: Stage::default(),
            rgb: Vec::new(),
        })
    }
}

impl Crew {
    fn picture(
        &mut self,
        assets: &Arc<Assets>,
        model: &Model,
        physics: &mut Physics,
        camera: &CameraSetting,
    ) -> Result<Image, SimError> {
        let Crew { visualiser, renderer, stage, rgb } = self;
        visualiser.look(physics, model.camera(camera.camera.as_str())?, stage);
        stage.camera.widen(camera.fov_factor.get());
        let (width, height) = (camera.width.get(), camera.height.get());
        renderer.draw(assets, stage, [width as usize, height as usize], rgb);
        camera.orientation.turn(rgb);
        let frame = Frame::new(width, height, rgb.as_slice()).expect("the renderer fills the picture");
        Ok(Image { camera: camera.name.clone(), frame })
    }
}
