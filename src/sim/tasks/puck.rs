//! The free object `obj` with the geom `objGeom` that several tasks move, and their `goal` site.

use crate::sim::engine::{BodyId, GeomId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scene::Scene;
use crate::sim::task::Objects;

/// A puck (or block) in the model.
pub(super) struct Puck {
    body: BodyId,
    geom: GeomId,
    goal_site: SiteId,
}

impl Puck {
    pub(super) fn find(model: &Model) -> Result<Puck, SimError> {
        Ok(Puck { body: model.body("obj")?, geom: model.geom("objGeom")?, goal_site: model.site("goal")? })
    }

    /// Where the puck is, metres.
    pub(super) fn position(&self, scene: &Scene) -> [f64; 3] {
        scene.physics().body_xpos(self.body)
    }

    /// Puts the puck at rest at `start`, and the mark of the goal at `goal`.
    pub(super) fn place(&self, scene: &mut Scene, start: [f64; 3], goal: [f64; 3]) {
        scene.set_object_position(start);
        scene.physics_mut().set_site_pos(self.goal_site, goal);
    }

    /// Position, and orientation x, y, z, w.
    pub(super) fn observe(&self, scene: &Scene) -> Objects {
        Objects::one(self.position(scene), quaternion_xyzw(&scene.physics().geom_xmat(self.geom)))
    }

    /// Position, and orientation w, x, y, z as MuJoCo has it.
    pub(super) fn observe_wxyz(&self, scene: &Scene) -> Objects {
        Objects::one(self.position(scene), scene.physics().body_xquat(self.body))
    }

    /// True if both pads press on the puck.
    pub(super) fn touched(&self, scene: &Scene) -> bool {
        scene.both_pads_touch(self.geom)
    }
}

/// The first object's position in an observation, metres.
pub(super) fn position_in(observation: &[f64; 39]) -> [f64; 3] {
    [observation[4], observation[5], observation[6]]
}
