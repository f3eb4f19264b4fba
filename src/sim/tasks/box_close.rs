//! box-close-v3: put the lid on the box.
//!
//! Task vector: x, y, z of the lid, then x, y, z of the goal above the box, all metres; drawn again while they are
//! nearer than 0.25 m in x and y. The lid's z is replaced by 0.02. Success: the lid is less than 0.08 m from the goal.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, plus, times, xy};
use crate::sim::rewards::{Sigmoid, closing_share, hamacher_product, orientation_reward, tolerance};
use crate::sim::scene::{FRAME_SKIP, Scene};
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::funnel::{Funnel, staying_above};
use super::puck::{hand_in, position_in, quaternion_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "box-close-v3",
    sentence: "Pick up the lid by its handle and put it on the box.",
    model: "box",
    low: &[-0.05, 0.5, 0.02, -0.1, 0.7, 0.133],
    high: &[0.05, 0.55, 0.02, 0.1, 0.8, 0.133],
    apart: Some(Apart::from_goal(0.25)),
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.7, 0.133],
    goal_high: [0.1, 0.8, 0.133],
    build: |model| Ok(Box::new(BoxClose::find(model)?)),
};

/// Height at which the lid starts, metres; MetaWorld keeps it in single precision.
const START_Z_M: f64 = 0.02_f32 as f64;

/// Height at which the box stands, metres.
const BOX_Z_M: f64 = 0.0;

/// Where the rewards see the lid's handle, from the lid's position, metres.
const HANDLE_M: [f64; 3] = [0.0, 0.0, 0.02];

/// The funnel around the handle in which the hand may come down.
const FUNNEL: Funnel = Funnel { radius_m: 0.02, slope_m: 0.04, height_m: 0.4 };

/// Height of the handle that counts as lifted, metres.
const LIFTED_M: f64 = 0.04;

/// The handle's height counts three times in its distance to the goal.
const SCALE: [f64; 3] = [1.0, 1.0, 3.0];

/// Orientation of the lid lying flat, w x y z.
const FLAT: [f64; 4] = [0.707, 0.0, 0.0, 0.707];

/// Distance of orientations at which nothing is earned.
const FULLY_TURNED: f64 = 0.2;

/// Distance of the lid from the goal that counts as closed, metres.
const CLOSED_M: f64 = 0.08;

struct BoxClose {
    case: BodyId,
    lid: BodyId,
    goal_site: SiteId,
    goal: [f64; 3],
}

impl BoxClose {
    fn find(model: &Model) -> Result<BoxClose, SimError> {
        Ok(BoxClose {
            case: model.body("boxbody")?,
            lid: model.body("top_link")?,
            goal_site: model.site("goal")?,
            goal: [0.0; 3],
        })
    }
}

impl Task for BoxClose {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.goal = [vector[3], vector[4], vector[5]];
        scene.physics_mut().set_body_pos(self.case, [vector[3], vector[4], BOX_Z_M]);
    }

    /// Until the hand is home the lid lies where the model has the box, not where the episode has it.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        for _ in 0..FRAME_SKIP {
            scene.physics_mut().step();
        }
        scene.set_object_position([vector[0], vector[1], START_Z_M]);
        scene.physics_mut().set_site_pos(self.goal_site, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(scene.physics().body_xpos(self.lid), scene.physics().body_xquat(self.lid))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, _scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let lid = position_in(observation);
        let handle = plus(lid, HANDLE_M);
        let grab = closing_share(action[3]);
        let ready = readiness(hand_in(observation), handle);
        let lifted = lift_reward(handle, self.goal);

        let success = distance(lid, self.goal) < CLOSED_M;
        let earned = if success { 10.0 } else { 2.0 * hamacher_product(grab, ready).value() + 8.0 * lifted };
        let reward = earned * orientation_reward(quaternion_in(observation), FLAT, FULLY_TURNED);
        Evaluation {
            reward,
            success,
            info: Info {
                near_object: ready,
                grasp_success: f64::from(grab >= 0.5),
                grasp_reward: grab,
                in_place_reward: lifted,
                obj_to_target: 0.0,
                unscaled_reward: reward,
            },
        }
    }
}

/// Reward for the hand's nearness to the handle, reached from above.
fn readiness(hand: [f64; 3], handle: [f64; 3]) -> f64 {
    let floor = FUNNEL.floor(distance(xy(hand), xy(handle)));
    let above_floor = staying_above(hand[2], floor, floor / 2.0);
    let near = tolerance(distance(hand, handle), (0.0, 0.02), 0.5, Sigmoid::LongTail);
    hamacher_product(above_floor, near).value()
}

/// Reward for the lid's way to the box: a fifth for having lifted it at all.
fn lift_reward(handle: [f64; 3], goal: [f64; 3]) -> f64 {
    let away = norm(&times(minus(goal, handle), SCALE));
    0.2 * f64::from(handle[2] > LIFTED_M) + 0.8 * tolerance(away, (0.0, 0.05), 0.25, Sigmoid::LongTail)
}
