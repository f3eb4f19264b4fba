//! The cameras of an episode, found in its model.

use std::sync::Arc;

use super::engine::Model;
use super::error::SimError;
use crate::domain::{CameraSetting, EnvId, RendererProfile};

/// Cameras of one model and what draws their pictures. Their names are looked up once, before the first picture of an
/// episode.
pub struct Views {
    pub(super) renderer: RendererProfile,
    pub(super) model: Arc<Model>,
    /// Each camera with its number in the model.
    pub(super) cameras: Vec<(usize, CameraSetting)>,
}

impl Views {
    /// Finds `cameras` in the model of `env`.
    ///
    /// # Errors
    /// [`SimError::NoSuchCamera`] for the first that the model lacks.
    pub(super) fn find(
        env: &EnvId,
        model: &Arc<Model>,
        renderer: RendererProfile,
        cameras: &[CameraSetting],
    ) -> Result<Views, SimError> {
        let number = |setting: &CameraSetting| match model.camera(setting.camera.as_str()) {
            Some(number) => Ok((number, setting.clone())),
            None => Err(SimError::NoSuchCamera {
                env: env.clone(),
                camera: setting.camera.clone(),
                known: model.camera_names().map(str::to_owned).collect(),
            }),
        };
        let cameras = cameras.iter().map(number).collect::<Result<_, _>>()?;
        Ok(Views { renderer, model: Arc::clone(model), cameras })
    }
}
