//! The drawer in its case that two tasks use, and their `goal` site.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::plus;
use crate::sim::scene::Scene;

/// Number of the drawer's slide in qpos.
const SLIDE: usize = 9;

/// A drawer in the model.
pub(super) struct Drawer {
    case: BodyId,
    link: BodyId,
    goal_site: SiteId,
}

impl Drawer {
    pub(super) fn find(model: &Model) -> Result<Drawer, SimError> {
        Ok(Drawer { case: model.body("drawer")?, link: model.body("drawer_link")?, goal_site: model.site("goal")? })
    }

    /// Puts the case somewhere.
    pub(super) fn furnish(&self, scene: &mut Scene, position_m: [f64; 3]) {
        scene.physics_mut().set_body_pos(self.case, position_m);
    }

    /// Puts the mark of the goal at `goal`.
    pub(super) fn mark(&self, scene: &mut Scene, goal: [f64; 3]) {
        scene.physics_mut().set_site_pos(self.goal_site, goal);
    }

    /// Pulls the drawer out to `slide_m` (0 closed, negative open); its speed stays, as in MetaWorld.
    pub(super) fn pull(&self, scene: &mut Scene, slide_m: f64) {
        let physics = scene.physics_mut();
        physics.qpos_mut()[SLIDE] = slide_m;
        physics.forward();
    }

    /// A point fixed to the drawer, `offset_m` from the middle of its body, metres.
    pub(super) fn point(&self, scene: &Scene, offset_m: [f64; 3]) -> [f64; 3] {
        plus(scene.physics().body_xpos(self.link), offset_m)
    }

    /// Orientation w, x, y, z.
    pub(super) fn quaternion(&self, scene: &Scene) -> [f64; 4] {
        scene.physics().body_xquat(self.link)
    }
}
