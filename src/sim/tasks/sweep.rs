//! sweep-v3: sweep the block to the right side of the table.
//!
//! Task vector: x, y, z of the block, metres. Its z is replaced by 0.02; the goal is at the right side of the
//! table, at the block's y. Success: the block is within 0.05 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Pinching, Sigmoid, hamacher_product, pinching_reward, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "sweep-v3",
    sentence: "Sweep the block to the right side of the table.",
    model: "sweep_v3",
    low: &[-0.1, 0.6, 0.02],
    high: &[0.1, 0.7, 0.02],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [0.49, 0.6, 0.0],
    goal_high: [0.51, 0.7, 0.02],
    build: |model| Ok(Box::new(Sweep::find(model)?)),
};

/// Height at which the block is put, metres.
const BLOCK_Z_M: f64 = 0.02;

/// The goal's x and z, metres.
const GOAL_XZ_M: [f64; 2] = [0.5, 0.01];

/// Distance that counts as swept there, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Radius of the block for the pads, metres.
pub(super) const BLOCK_RADIUS_M: f64 = 0.02;

/// What counts as holding the block.
const PINCHING: Pinching =
    Pinching { object_radius: BLOCK_RADIUS_M, grip_threshold: BLOCK_RADIUS_M + 0.01, xz_threshold: 0.005 };

struct Sweep {
    block: Puck,
    start: [f64; 3],
    goal: [f64; 3],
}

impl Sweep {
    fn find(model: &Model) -> Result<Sweep, SimError> {
        Ok(Sweep { block: Puck::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for Sweep {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], BLOCK_Z_M];
        self.goal = [GOAL_XZ_M[0], vector[1], GOAL_XZ_M[1]];
        self.block.place(scene, self.start, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.block.observe_wxyz(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let grasp = pinching_reward(&PINCHING, &scene.grip(position_in(observation), self.start, action));
        evaluate(scene, observation, &self.block, grasp, self.start, self.goal)
    }
}

/// What both sweeping tasks say about a block that started at `start` and shall go to `target`, given the reward for
/// holding it.
pub(super) fn evaluate(
    scene: &Scene,
    observation: &[f64; 39],
    block: &Puck,
    grasp: f64,
    start: [f64; 3],
    target: [f64; 3],
) -> Evaluation {
    let position = position_in(observation);
    let opening = observation[3];
    let tcp_to_block = distance(position, scene.tcp());
    let to_target = distance(position, target);
    let in_place = tolerance(to_target, (0.0, TARGET_RADIUS_M), distance(start, target), Sigmoid::LongTail);
    let together = hamacher_product(grasp, in_place).value();
    let reward = if to_target < TARGET_RADIUS_M { 10.0 } else { 2.0 * grasp + 6.0 * together };
    Evaluation {
        reward,
        success: to_target <= TARGET_RADIUS_M,
        info: Info {
            near_object: f64::from(tcp_to_block <= 0.03),
            grasp_success: f64::from(block.touched(scene) && opening > 0.0),
            grasp_reward: grasp,
            in_place_reward: in_place,
            obj_to_target: to_target,
            unscaled_reward: reward,
        },
    }
}
