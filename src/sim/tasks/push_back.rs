//! push-back-v3: push the block back to a goal near the arm.
//!
//! Task vector: x, y, z of the block, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. Both z are replaced by the height at which the block rests. Success: the block is within
//! 0.07 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Pinching, Sigmoid, hamacher_product, pinching_reward, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "push-back-v3",
    sentence: "Push the block back to a goal near the arm.",
    model: "push_back_v3",
    low: &[-0.1, 0.8, 0.02, -0.1, 0.6, 0.0199],
    high: &[0.1, 0.85, 0.02, 0.1, 0.7, 0.0201],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.6, 0.0199],
    goal_high: [0.1, 0.7, 0.0201],
    build: |model| Ok(Box::new(PushBack::find(model)?)),
};

/// Distance at which the reward is full, metres; success is judged more kindly.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance that counts as pushed back, metres.
const SUCCESS_RADIUS_M: f64 = 0.07;

/// Radius of the block for the pads, metres; it is wider.
const BLOCK_RADIUS_M: f64 = 0.007;

/// What counts as holding the block.
const PINCHING: Pinching =
    Pinching { object_radius: BLOCK_RADIUS_M, grip_threshold: BLOCK_RADIUS_M + 0.003, xz_threshold: 0.01 };

struct PushBack {
    block: Puck,
    start: [f64; 3],
    goal: [f64; 3],
}

impl PushBack {
    fn find(model: &Model) -> Result<PushBack, SimError> {
        Ok(PushBack { block: Puck::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for PushBack {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        (self.start, self.goal) = self.block.place_on_table(scene, vector);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.block.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let block = position_in(observation);
        let opening = observation[3];
        let tcp_to_block = distance(block, scene.tcp());
        let to_goal = distance(block, self.goal);
        let margin = distance(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let grasp = pinching_reward(&PINCHING, &scene.grip(block, self.start, action));

        let mut reward = hamacher_product(grasp, in_place).value();
        let half_closed = 0.0 < opening && opening < 0.55;
        if tcp_to_block < 0.01 && half_closed && margin - to_goal > 0.01 {
            reward += 1.0 + 5.0 * in_place;
        }
        if to_goal < TARGET_RADIUS_M {
            reward = 10.0;
        }
        Evaluation {
            reward,
            success: to_goal <= SUCCESS_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_block <= 0.03),
                grasp_success: f64::from(self.block.held(scene, observation, self.start)),
                grasp_reward: grasp,
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
