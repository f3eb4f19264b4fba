//! The free stick and the thermos on its two slides, which the stick pushes or pulls.

use crate::sim::engine::{BodyId, GeomId, JointId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::plus;
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scene::Scene;
use crate::sim::task::Objects;

/// Height of the stick at reset, metres.
pub(super) const START_Z_M: f64 = 0.02;

/// Stick and thermos in the model.
pub(super) struct Stick {
    stick: BodyId,
    stick_geom: GeomId,
    /// The body that the thermos slides in; it stands still.
    rail: BodyId,
    /// The slides of the thermos along x and y.
    slides: [JointId; 2],
    /// Inside the handle of the thermos.
    handle: SiteId,
    goal_site: SiteId,
}

impl Stick {
    pub(super) fn find(model: &Model) -> Result<Stick, SimError> {
        Ok(Stick {
            stick: model.body("stick")?,
            stick_geom: model.geom("objGeom")?,
            rail: model.body("object")?,
            slides: [model.joint("obj_slidex")?, model.joint("obj_slidey")?],
            handle: model.site("insertion")?,
            goal_site: model.site("goal")?,
        })
    }

    /// Puts the stick at rest at `start`, the thermos at `slides_m` (x, y) on its slides, and the mark of the goal at
    /// `goal`. The thermos comes to rest along y only: MetaWorld leaves its speed along x.
    pub(super) fn place(&self, scene: &mut Scene, start: [f64; 3], slides_m: [f64; 2], goal: [f64; 3]) {
        scene.set_object_position(start);
        let physics = scene.physics_mut();
        for (slide, position) in self.slides.into_iter().zip(slides_m) {
            let address = physics.qpos_address(slide);
            physics.qpos_mut()[address] = position;
        }
        let y_speed = physics.qvel_address(self.slides[1]);
        physics.qvel_mut()[y_speed] = 0.0;
        physics.forward();
        physics.set_site_pos(self.goal_site, goal);
    }

    /// Where the thermos would be with its slides at zero, metres: MetaWorld's "initial" position of it.
    pub(super) fn rail(&self, scene: &Scene) -> [f64; 3] {
        scene.physics().body_xpos(self.rail)
    }

    /// The inside of the thermos' handle, metres.
    pub(super) fn handle(&self, scene: &Scene) -> [f64; 3] {
        scene.physics().site_xpos(self.handle)
    }

    /// The stick with its orientation x, y, z, w, and the point `shift_m` from the inside of the handle, without one.
    pub(super) fn observe(&self, scene: &Scene, shift_m: [f64; 3]) -> Objects {
        let physics = scene.physics();
        let stick = (physics.body_xpos(self.stick), quaternion_xyzw(&physics.body_xmat(self.stick)));
        Objects::two(stick, (plus(self.handle(scene), shift_m), [0.0; 4]))
    }

    /// True if both pads press on the stick.
    pub(super) fn touched(&self, scene: &Scene) -> bool {
        scene.both_pads_touch(self.stick_geom)
    }
}

/// The second object's position in an observation, metres.
pub(super) fn thermos_in(observation: &[f64; 39]) -> [f64; 3] {
    [observation[11], observation[12], observation[13]]
}
