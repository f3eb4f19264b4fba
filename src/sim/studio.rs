//! Pictures of episodes: what each camera of a contest sees.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::camera::{AssetCache, Assets, Renderer, Sight, Stage};
use super::engine::{Model, Physics, Visualiser};
use super::error::SimError;
use super::views::Views;
use crate::domain::{CameraSetting, Frame, Image, Orientation, RendererProfile};

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
    /// A renderer that cannot draw here; [`SimError::SceneFull`].
    ///
    /// # Panics
    /// When `views` are of another model.
    pub(super) fn pictures(&self, physics: &mut Physics, views: &Views) -> Result<Vec<Image>, SimError> {
        assert!(Arc::ptr_eq(&views.model, physics.model()), "cameras are numbered within one model only");
        match views.renderer {
            RendererProfile::Reference => self.with_crew(physics, |crew, assets, physics| {
                views.cameras.iter().map(|(number, camera)| crew.picture(assets, physics, *number, camera)).collect()
            }),
            #[cfg(feature = "gl")]
            RendererProfile::MujocoGl => {
                let mut crew = self.crew(physics.model());
                let one = |(number, camera): &(usize, CameraSetting)| crew.photograph(physics, *number, camera);
                let pictures = views.cameras.iter().map(one).collect();
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(crew);
                pictures
            }
            #[cfg(not(feature = "gl"))]
            RendererProfile::MujocoGl => Err(SimError::GlNotBuilt),
        }
    }

    /// What each pixel of a camera's picture shows; `number` is the camera's in the model. What MuJoCo derives from
    /// positions must be up to date.
    ///
    /// # Errors
    /// [`SimError::SceneFull`].
    pub(super) fn survey(
        &self,
        physics: &mut Physics,
        number: usize,
        camera: &CameraSetting,
    ) -> Result<Vec<Sight>, SimError> {
        self.with_crew(physics, |crew, assets, physics| crew.survey(assets, physics, number, camera))
    }

    fn with_crew<T>(&self, physics: &mut Physics, work: impl FnOnce(&mut Crew, &Arc<Assets>, &mut Physics) -> T) -> T {
        let model = Arc::clone(physics.model());
        let assets = self.assets.get_or_init(|| Arc::new(self.make_ready(&model)));
        let mut crew = self.crew(&model);
        let result = work(&mut crew, assets, physics);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(crew);
        result
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
    /// Puts on the stage what a camera sees; the size of its picture.
    fn look(&mut self, physics: &mut Physics, number: usize, camera: &CameraSetting) -> Result<[usize; 2], SimError> {
        self.visualiser.look(physics, number, camera.marks, &mut self.stage)?;
        self.stage.camera.widen(camera.fov_factor.get());
        Ok([camera.width.get() as usize, camera.height.get() as usize])
    }

    fn picture(
        &mut self,
        assets: &Arc<Assets>,
        physics: &mut Physics,
        number: usize,
        camera: &CameraSetting,
    ) -> Result<Image, SimError> {
        let size = self.look(physics, number, camera)?;
        let Crew { renderer, stage, rgb, .. } = self;
        renderer.draw(assets, stage, size, rgb);
        Ok(finished(camera, rgb))
    }

    /// As [`Crew::picture`], by MuJoCo's own renderer.
    #[cfg(feature = "gl")]
    fn photograph(&mut self, physics: &mut Physics, number: usize, camera: &CameraSetting) -> Result<Image, SimError> {
        let size = [camera.width.get(), camera.height.get()];
        let mut rgb = self.visualiser.photograph(physics, number, camera.marks, camera.fov_factor.get(), size)?;
        Ok(finished(camera, &mut rgb))
    }

    fn survey(
        &mut self,
        assets: &Arc<Assets>,
        physics: &mut Physics,
        number: usize,
        camera: &CameraSetting,
    ) -> Result<Vec<Sight>, SimError> {
        let size = self.look(physics, number, camera)?;
        let mut sights = Vec::new();
        self.renderer.survey(assets, &self.stage, size, &mut sights);
        if camera.orientation == Orientation::Rotated180 {
            sights.reverse();
        }
        Ok(sights)
    }
}

/// A picture as it leaves the studio: turned as the setting says, and named.
fn finished(camera: &CameraSetting, rgb: &mut [u8]) -> Image {
    camera.orientation.turn(rgb);
    let frame = Frame::new(camera.width.get(), camera.height.get(), &*rgb).expect("the renderer fills the picture");
    Image { camera: camera.name.clone(), frame }
}

#[cfg(test)]
mod tests;
