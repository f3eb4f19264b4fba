//! The renderer `mujoco-gl`, in builds that have it.

use super::error::SimError;
use crate::domain::{Renderer, RendererProfile};

/// Whether this build has the renderer `mujoco-gl` (the cargo feature `gl`).
pub const HAS_GL: bool = cfg!(feature = "gl");

/// What would draw here under a contest's setting. For `mujoco-gl` the first call looks for a GL driver.
///
/// # Errors
/// [`SimError::GlNotBuilt`], or [`SimError::Gl`] where there is no driver.
pub fn renderer(profile: RendererProfile) -> Result<Renderer, SimError> {
    match profile {
        RendererProfile::Reference => Ok(Renderer::Reference),
        #[cfg(feature = "gl")]
        RendererProfile::MujocoGl => super::engine::gl_driver().map(Renderer::MujocoGl),
        #[cfg(not(feature = "gl"))]
        RendererProfile::MujocoGl => Err(SimError::GlNotBuilt),
    }
}
