//! lever-pull-v3: lift the lever until it points upwards.
//!
//! Task vector: x, y, z of the lever's stand, metres. The goal is where the end of the raised lever is. Success: the
//! lever is within 7.5 degrees of the vertical.

use std::f64::consts::PI;

use crate::sim::engine::{BodyId, GeomId, JointId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, hamacher_product, tolerance};
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW_DEEP, HOME_NEAR_SINGLE, Info, Objects, Task, TaskSpec};

use super::puck::{hand_in, position_in};
use super::shoulder;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "lever-pull-v3",
    sentence: "Lift the lever until it points up.",
    model: "lever_pull",
    low: &[-0.1, 0.7, 0.0],
    high: &[0.1, 0.8, 0.0],
    apart: None,
    objects: 1,
    home: HOME_NEAR_SINGLE,
    hand_low: HAND_LOW_DEEP,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW_DEEP,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(LeverPull::find(model)?)),
};

/// Length of the lever, metres.
const LENGTH_M: f64 = 0.2;

/// The end of the level lever in the frame of the stand, metres.
const START_M: [f64; 3] = [0.12, -LENGTH_M, 0.25];

/// The goal in the frame of the stand, metres.
const GOAL_M: [f64; 3] = [0.12, 0.0, 0.25 + LENGTH_M];

/// Distance of the lever's end from the goal at which it is in place, metres.
const TARGET_RADIUS_M: f64 = 0.04;

/// How far from vertical the lever may be to count as raised, radians.
const RAISED: f64 = PI / 24.0;

/// How much the axes count in the distance from the shoulder to the lever's end: y little, so that the shoulder
/// comes below the lever before it comes near.
const WEIGHTS: [f64; 3] = [4.0, 1.0, 4.0];

struct LeverPull {
    stand: BodyId,
    axis: JointId,
    end: SiteId,
    geom: GeomId,
    goal_site: SiteId,
    /// The lever's end at reset.
    start: [f64; 3],
    goal: [f64; 3],
}

impl LeverPull {
    fn find(model: &Model) -> Result<LeverPull, SimError> {
        Ok(LeverPull {
            stand: model.body("lever")?,
            axis: model.joint("LeverAxis")?,
            end: model.site("leverStart")?,
            geom: model.geom("objGeom")?,
            goal_site: model.site("goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for LeverPull {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        let stand = [vector[0], vector[1], vector[2]];
        self.start = plus(stand, START_M);
        self.goal = plus(stand, GOAL_M);
        scene.physics_mut().set_body_pos(self.stand, stand);
    }

    /// The lever sags a little.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        scene.physics_mut().set_site_pos(self.goal_site, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(physics.site_xpos(self.end), quaternion_xyzw(&physics.geom_xmat(self.geom)))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let hand = hand_in(observation);
        let end = position_in(observation);
        let away = shoulder::distance_to(end, hand, WEIGHTS);
        let initial_away = shoulder::distance_to(self.start, scene.initial_tcp(), WEIGHTS);
        let ready = shoulder::readiness(away, initial_away);

        let physics = scene.physics();
        let missing = (-physics.qpos()[physics.qpos_address(self.axis)] - PI / 2.0).abs();
        let raised = tolerance(missing, (0.0, PI / 48.0), PI / 2.0 - PI / 12.0, Sigmoid::LongTail);

        let margin = distance(self.start, self.goal);
        let in_place = tolerance(distance(end, self.goal), (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let reward = 10.0 * hamacher_product(ready, in_place).value();
        Evaluation {
            reward,
            success: missing <= RAISED,
            info: Info {
                near_object: f64::from(away < 0.03),
                grasp_success: f64::from(ready > 0.9),
                grasp_reward: ready,
                in_place_reward: raised,
                obj_to_target: away,
                unscaled_reward: reward,
            },
        }
    }
}
