//! The box with a handle that goes up and down, which four tasks use.

use crate::sim::engine::{BodyId, Model};
use crate::sim::error::SimError;
use crate::sim::scene::Scene;

/// Number of the handle's slide in qpos and qvel.
const SLIDE: usize = 9;

/// A box with a handle in the model.
pub(super) struct HandleBox {
    case: BodyId,
}

impl HandleBox {
    pub(super) fn find(model: &Model) -> Result<HandleBox, SimError> {
        Ok(HandleBox { case: model.body("box")? })
    }

    /// Puts the box somewhere.
    pub(super) fn furnish(&self, scene: &mut Scene, position_m: [f64; 3]) {
        scene.physics_mut().set_body_pos(self.case, position_m);
    }

    /// Puts the handle to `slide_m` (0 up, negative pressed), at rest.
    pub(super) fn slide(&self, scene: &mut Scene, slide_m: f64) {
        let physics = scene.physics_mut();
        physics.qpos_mut()[SLIDE] = slide_m;
        physics.qvel_mut()[SLIDE] = 0.0;
        physics.forward();
    }
}
