//! The door with a lock that two tasks use.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::rewards::{Sigmoid, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::Objects;

/// Number of the bolt's hinge in qpos and qvel; it has no name.
const HINGE: usize = 9;

/// How far the bolt's end has to go, metres.
const TRAVEL_M: f64 = 0.1;

/// Distance of the bolt's end from the goal at which the reward is full, metres.
const TARGET_RADIUS_M: f64 = 0.005;

/// Distance of the bolt's end from the goal that counts as turned, metres.
pub(super) const TURNED_M: f64 = 0.02;

/// How much the axes count in the distance from the hand to the bolt.
pub(super) const WEIGHTS: [f64; 3] = [0.25, 1.0, 0.5];

/// A door and the bolt of its lock in the model.
pub(super) struct Lock {
    door: BodyId,
    panel: BodyId,
    bolt: BodyId,
    end: SiteId,
}

impl Lock {
    /// Finds the door; `end` is the site at the bolt's end that the task watches.
    pub(super) fn find(model: &Model, end: &str) -> Result<Lock, SimError> {
        Ok(Lock {
            door: model.body("door")?,
            panel: model.body("door_link")?,
            bolt: model.body("lock_link")?,
            end: model.site(end)?,
        })
    }

    /// Puts the door somewhere.
    pub(super) fn furnish(&self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.door, [vector[0], vector[1], vector[2]]);
    }

    /// Turns the bolt to `angle`, radians, at rest.
    pub(super) fn turn(&self, scene: &mut Scene, angle: f64) {
        let physics = scene.physics_mut();
        physics.qpos_mut()[HINGE] = angle;
        physics.qvel_mut()[HINGE] = 0.0;
        physics.forward();
    }

    /// Where the bolt's axis is, metres.
    pub(super) fn bolt(&self, scene: &Scene) -> [f64; 3] {
        scene.physics().body_xpos(self.bolt)
    }

    /// Position of the bolt's end, and the door's orientation w, x, y, z.
    pub(super) fn observe(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(physics.site_xpos(self.end), physics.body_xquat(self.panel))
    }
}

/// Reward for the nearness of the bolt's end to the goal along one axis, metres.
pub(super) fn turned(to_goal: f64) -> f64 {
    tolerance(to_goal, (0.0, TARGET_RADIUS_M), TRAVEL_M, Sigmoid::LongTail)
}
