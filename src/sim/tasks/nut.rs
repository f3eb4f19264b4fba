//! The nut, a ring with a wrench's handle, and the peg that it is put on or taken off.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::rewards::Density;
use crate::sim::scene::Scene;
use crate::sim::task::Objects;

use super::tool::Tool;

/// Nut and peg in the model.
pub(super) struct Nut {
    body: BodyId,
    ring: SiteId,
    handle: SiteId,
    peg: BodyId,
    peg_top: SiteId,
}

impl Nut {
    pub(super) fn find(model: &Model) -> Result<Nut, SimError> {
        Ok(Nut {
            body: model.body("RoundNut")?,
            ring: model.site("RoundNut")?,
            handle: model.site("RoundNut-8")?,
            peg: model.body("peg")?,
            peg_top: model.site("pegTop")?,
        })
    }

    /// The nut as a tool; its handle is short for the hand.
    pub(super) const fn tool(density: Density) -> Tool {
        Tool { handle_length_m: 0.02, lying: [0.707, 0.0, 0.0, 0.707], density }
    }

    /// Stands the peg at `position`. MetaWorld puts the mark of the peg's top at `mark` in the peg's own frame.
    pub(super) fn stand_peg(&self, scene: &mut Scene, position: [f64; 3], mark: [f64; 3]) {
        scene.physics_mut().set_body_pos(self.peg, position);
        scene.physics_mut().set_site_pos(self.peg_top, mark);
    }

    /// Centre of the ring, metres.
    pub(super) fn ring(&self, scene: &Scene) -> [f64; 3] {
        scene.physics().site_xpos(self.ring)
    }

    /// Position of the handle, and the nut's orientation w, x, y, z.
    pub(super) fn observe(&self, scene: &Scene) -> Objects {
        Objects::one(scene.physics().site_xpos(self.handle), scene.physics().body_xquat(self.body))
    }
}
