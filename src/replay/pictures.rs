//! Whether the pictures of a recording can be compared here.

use std::fmt;

use crate::domain::{GlDriver, Renderer, RendererProfile};
use crate::sim::SimError;

/// Why they cannot: another driver drew them. Not a difference, since two drivers need not draw the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherDriver {
    /// What drew the recorded ones.
    pub recorded: GlDriver,
    /// What would draw them here, or why nothing can.
    pub here: Result<GlDriver, String>,
}

impl OtherDriver {
    /// `None` when `here`, asked for the renderer that drew the `recorded` pictures, is the same: the same driver by all its
    /// names, or the reference renderer, of which the engine fingerprint tells.
    pub fn between(
        recorded: &Renderer,
        here: impl FnOnce(RendererProfile) -> Result<Renderer, SimError>,
    ) -> Option<OtherDriver> {
        let Renderer::MujocoGl(driver) = recorded else { return None };
        let here = match here(RendererProfile::MujocoGl) {
            Ok(Renderer::MujocoGl(here)) if here == *driver => return None,
            Ok(Renderer::MujocoGl(here)) => Ok(here),
            Ok(Renderer::Reference) => Err(SimError::GlNotBuilt.to_string()),
            Err(error) => Err(error.to_string()),
        };
        Some(OtherDriver { recorded: driver.clone(), here })
    }
}

impl fmt::Display for OtherDriver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let here: &dyn fmt::Display = match &self.here {
            Ok(driver) => driver,
            Err(reason) => reason,
        };
        write!(f, "pictures not checked: recorded on {}, here {here}", self.recorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::GlName;

    fn driver(renderer: &str) -> GlDriver {
        GlDriver { vendor: GlName::of("Mesa"), renderer: GlName::of(renderer), driver: GlName::of("4.5 Mesa 22.3.6") }
    }

    #[test]
    fn pictures_are_compared_only_between_equal_drivers() {
        let there = driver("llvmpipe (LLVM 15.0.6, 256 bits)");
        let recorded = Renderer::MujocoGl(there.clone());
        assert_eq!(OtherDriver::between(&recorded, |_| Ok(recorded.clone())), None);
        let other = driver("llvmpipe (LLVM 15.0.6, 128 bits)");
        let found = OtherDriver::between(&recorded, |_| Ok(Renderer::MujocoGl(other.clone()))).unwrap();
        assert_eq!(found, OtherDriver { recorded: there, here: Ok(other) });
        assert_eq!(
            found.to_string(),
            "pictures not checked: recorded on Mesa / llvmpipe (LLVM 15.0.6, 256 bits) / 4.5 Mesa 22.3.6, \
             here Mesa / llvmpipe (LLVM 15.0.6, 128 bits) / 4.5 Mesa 22.3.6"
        );
    }

    #[test]
    fn where_nothing_can_draw_the_reason_says_what_to_do() {
        let recorded = Renderer::MujocoGl(driver("llvmpipe"));
        let none = OtherDriver::between(&recorded, |_| Err(SimError::GlNotBuilt)).unwrap().to_string();
        assert!(none.contains("recorded on Mesa / llvmpipe / 4.5 Mesa 22.3.6, here") && none.contains("--features gl"));
        let missing = SimError::Gl { reason: "libEGL.so.1: no such file".into() };
        let none = OtherDriver::between(&recorded, |_| Err(missing)).unwrap().to_string();
        assert!(none.contains("libEGL.so.1: no such file"), "{none}");
    }

    #[test]
    fn the_reference_renderer_is_everywhere_and_no_driver_is_asked_for() {
        assert_eq!(OtherDriver::between(&Renderer::Reference, |_| unreachable!("nothing is asked")), None);
    }
}
