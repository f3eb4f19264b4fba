//! The renderer `mujoco-gl`, in builds that have it.

use super::error::SimError;
use crate::domain::{Renderer, RendererProfile};

/// Whether this build has the renderer `mujoco-gl` (the cargo feature `gl`).
pub const HAS_GL: bool = cfg!(feature = "gl");

/// Chooses the device on which `mujoco-gl` draws, by its number in EGL's list, as text; `None` for the first that has OpenGL, as
/// without a call. A number that is none is told by whoever draws first. Counts until a device has been opened.
pub fn choose_gl_device(number: Option<&str>) {
    #[cfg(feature = "gl")]
    super::engine::choose_gl_device(number);
    #[cfg(not(feature = "gl"))]
    let _ = number;
}

/// What would draw here under a contest's setting. For `mujoco-gl` the first call looks for a GL driver, and each
/// one after a call that found none.
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
