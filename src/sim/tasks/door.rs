//! The door on its hinge that two tasks use, and their `goal` site.

use crate::sim::engine::{BodyId, GeomId, JointId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scene::Scene;
use crate::sim::task::Objects;

/// A door in the model.
pub(super) struct Door {
    body: BodyId,
    hinge: JointId,
    handle: GeomId,
    goal_site: SiteId,
}

impl Door {
    pub(super) fn find(model: &Model) -> Result<Door, SimError> {
        Ok(Door {
            body: model.body("door")?,
            hinge: model.joint("doorjoint")?,
            handle: model.geom("handle")?,
            goal_site: model.site("goal")?,
        })
    }

    /// Puts the door somewhere.
    pub(super) fn furnish(&self, scene: &mut Scene, position_m: [f64; 3]) {
        scene.physics_mut().set_body_pos(self.body, position_m);
    }

    /// Puts the door at rest at an angle, and the mark of the goal at `goal`.
    pub(super) fn place(&self, scene: &mut Scene, angle: f64, goal: [f64; 3]) {
        scene.physics_mut().set_site_pos(self.goal_site, goal);
        scene.set_joint(self.hinge, angle);
    }

    /// The door's angle now, radians: 0 closed, negative open.
    pub(super) fn angle(&self, scene: &Scene) -> f64 {
        let physics = scene.physics();
        physics.qpos()[physics.qpos_address(self.hinge)]
    }

    /// Position of the handle, and orientation x, y, z, w.
    pub(super) fn observe(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(physics.geom_xpos(self.handle), quaternion_xyzw(&physics.geom_xmat(self.handle)))
    }
}
