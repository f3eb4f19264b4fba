//! The GL driver of this machine, for tests.

use kinitro::domain::{Renderer, RendererProfile};
use kinitro::sim;

/// The driver, or `None` after saying why there is none.
///
/// # Panics
/// With KINITRO_REQUIRE_GL=1, where there is none.
pub fn driver() -> Option<Renderer> {
    match sim::renderer(RendererProfile::MujocoGl) {
        Ok(renderer) => Some(renderer),
        Err(error) => {
            let required = std::env::var_os("KINITRO_REQUIRE_GL").is_some_and(|value| value == "1");
            assert!(!required, "KINITRO_REQUIRE_GL=1, and there is no GL driver: {error}");
            println!("skipped: {error}");
            None
        }
    }
}
