//! The free object with the geom `objGeom` that several tasks move, and their `goal` site.

use crate::sim::engine::{BodyId, GeomId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scene::Scene;
use crate::sim::task::Objects;

/// How far above its start a puck counts as lifted, metres.
const LIFTED_M: f64 = 0.02;

/// A puck (or block, or ball) in the model.
pub(super) struct Puck {
    body: BodyId,
    geom: GeomId,
    goal_site: SiteId,
}

impl Puck {
    pub(super) fn find(model: &Model) -> Result<Puck, SimError> {
        Puck::find_body(model, "obj")
    }

    /// The same where the body has a name of its own.
    pub(super) fn find_body(model: &Model, body: &str) -> Result<Puck, SimError> {
        Ok(Puck { body: model.body(body)?, geom: model.geom("objGeom")?, goal_site: model.site("goal")? })
    }

    /// The puck's body.
    pub(super) fn body(&self) -> BodyId {
        self.body
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

    /// Puts the puck and the mark of the goal where the vector has them, three numbers each; returns where they are.
    pub(super) fn place_at(&self, scene: &mut Scene, vector: &[f64]) -> ([f64; 3], [f64; 3]) {
        let (start, goal) = ([vector[0], vector[1], vector[2]], [vector[3], vector[4], vector[5]]);
        self.place(scene, start, goal);
        (start, goal)
    }

    /// The same, but both as high as the puck rests.
    pub(super) fn place_on_table(&self, scene: &mut Scene, vector: &[f64]) -> ([f64; 3], [f64; 3]) {
        let height = self.position(scene)[2];
        let (start, goal) = ([vector[0], vector[1], height], [vector[3], vector[4], height]);
        self.place(scene, start, goal);
        (start, goal)
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

    /// True if both pads press on the puck and it is lifted from `start`.
    pub(super) fn held(&self, scene: &Scene, observation: &[f64; 39], start: [f64; 3]) -> bool {
        let opening = observation[3];
        self.touched(scene) && opening > 0.0 && position_in(observation)[2] - LIFTED_M > start[2]
    }
}

/// The hand's position in an observation, metres.
pub(super) fn hand_in(observation: &[f64; 39]) -> [f64; 3] {
    [observation[0], observation[1], observation[2]]
}

/// The first object's position in an observation, metres.
pub(super) fn position_in(observation: &[f64; 39]) -> [f64; 3] {
    [observation[4], observation[5], observation[6]]
}

/// The first object's orientation in an observation, in the task's own order.
pub(super) fn quaternion_in(observation: &[f64; 39]) -> [f64; 4] {
    [observation[7], observation[8], observation[9], observation[10]]
}
