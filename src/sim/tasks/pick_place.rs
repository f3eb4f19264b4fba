//! pick-place-v3: pick the puck up and hold it at a point above the table.
//!
//! Task vector: x, y, z of the puck, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. Success: the puck is within 0.07 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Sigmoid, closing_effort, enclosing_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "pick-place-v3",
    sentence: "Pick up the puck and hold it at a goal in the air.",
    model: "pick_place_v3",
    low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.05],
    high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.3],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.8, 0.05],
    goal_high: [0.1, 0.9, 0.3],
    build: |model| Ok(Box::new(PickPlace::find(model)?)),
};

/// Distance at which the reward is full, metres; success is judged more kindly.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance that counts as placed, metres.
const SUCCESS_RADIUS_M: f64 = 0.07;

/// Radius of the puck for the pads, metres.
const PUCK_RADIUS_M: f64 = 0.015;

/// The hand nearer than this to the puck, in the plane of x and z, is well placed, metres.
const XZ_MARGIN_M: f64 = 0.005;

struct PickPlace {
    puck: Puck,
    start: [f64; 3],
    goal: [f64; 3],
}

impl PickPlace {
    fn find(model: &Model) -> Result<PickPlace, SimError> {
        Ok(PickPlace { puck: Puck::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }

    /// Reward for holding the puck: the task's own `_gripper_caging_reward`.
    fn grasp_reward(&self, scene: &Scene, puck: [f64; 3], action: [f32; 4]) -> Scalar {
        let caged = enclosing_reward(&scene.grip(puck, self.start, action), PUCK_RADIUS_M, XZ_MARGIN_M);
        let gripping = if caged > 0.97 { closing_effort(action[3], 1.0) } else { Scalar::Weak(0.0) };
        (hamacher_product(caged, gripping) + caged) / 2.0
    }
}

impl Task for PickPlace {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        (self.start, self.goal) = self.puck.place_at(scene, vector);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.puck.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let puck = position_in(observation);
        let opening = observation[3];
        let to_goal = distance(puck, self.goal);
        let tcp_to_puck = distance(puck, scene.tcp());
        let margin = distance(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let grasp = self.grasp_reward(scene, puck, action);

        let mut reward = hamacher_product(grasp, in_place);
        if tcp_to_puck < 0.02 && opening > 0.0 && puck[2] - 0.01 > self.start[2] {
            reward = reward + (1.0 + 5.0 * in_place);
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= SUCCESS_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_puck <= 0.03),
                grasp_success: f64::from(self.puck.held(scene, observation, self.start)),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
