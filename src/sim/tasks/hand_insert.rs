//! hand-insert-v3: take the block into the hole in the table.
//!
//! Task vector: x, y, z of the block, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. The block's z is replaced by 0.05. Success: the block is within 0.05 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "hand-insert-v3",
    sentence: "Grasp the block and bring it into the hole in the table.",
    model: "table_with_hole",
    low: &[-0.1, 0.6, 0.05, -0.04, 0.8, -0.0201],
    high: &[0.1, 0.7, 0.05, 0.04, 0.88, -0.0199],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME_SINGLE,
    hand_low: [-0.5, 0.4, -0.15],
    hand_high: HAND_HIGH,
    goal_low: [-0.04, 0.8, -0.0201],
    goal_high: [0.04, 0.88, -0.0199],
    build: |model| Ok(Box::new(HandInsert::find(model)?)),
};

/// Height of the block at reset, metres.
const START_Z_M: f64 = 0.05;

/// Distance that counts as inserted, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// What counts as holding the block.
const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.005,
    desired_effort: 1.0,
    density: Density::High,
};

struct HandInsert {
    block: Puck,
    start: [f64; 3],
    goal: [f64; 3],
}

impl HandInsert {
    fn find(model: &Model) -> Result<HandInsert, SimError> {
        Ok(HandInsert { block: Puck::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for HandInsert {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], START_Z_M];
        self.goal = [vector[3], vector[4], vector[5]];
        self.block.place(scene, self.start, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.block.observe_wxyz(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let block = position_in(observation);
        let opening = observation[3];
        let to_goal = distance(block, self.goal);
        let tcp_to_block = distance(block, scene.tcp());
        let margin = distance(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let grasp = caging_reward(&CAGING, &scene.grip(block, self.start, action));

        let mut reward = hamacher_product(grasp, in_place);
        if tcp_to_block < 0.02 && opening > 0.0 {
            reward = reward + (1.0 + 7.0 * in_place);
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_block <= 0.03),
                grasp_success: f64::from(self.block.held(scene, observation, self.start)),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
