//! shelf-place-v3: pick the block up and place it in the shelf.
//!
//! Task vector: x, y, z of the block, then x, y, z of a point 0.3 m above the shelf's foot, all metres; drawn again
//! while they are nearer than 0.1 m in x and y. The block's z is replaced by the height at which it rests. The goal
//! is the mark in the shelf. Success: the block is within 0.07 m of the goal.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, plus};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::{Scene, clip};
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "shelf-place-v3",
    sentence: "Pick up the block and place it in the shelf.",
    model: "shelf_placing",
    low: &[-0.1, 0.5, 0.019, -0.1, 0.8, 0.299],
    high: &[0.1, 0.6, 0.021, 0.1, 0.9, 0.301],
    apart: Some(Apart::from_goal(0.1)),
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.8, 0.299],
    goal_high: [0.1, 0.9, 0.301],
    build: |model| Ok(Box::new(ShelfPlace::find(model)?)),
};

/// The point that the task vector names, in the frame of the shelf, metres.
const NAMED_M: [f64; 3] = [0.0, 0.0, 0.3];

/// Distance to the goal at which the reward is full, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance to the goal that counts as placed, metres.
const SUCCESS_RADIUS_M: f64 = 0.07;

/// Height of the board, below which the block must not come near the shelf, metres.
const BOARD_Z_M: f64 = 0.24;

/// Distance from the goal, along x, within which the block is before or in the shelf, metres.
const HALF_WIDTH_M: f64 = 0.15;

/// Distance before the goal, along y, at which the shelf is near, metres.
const APPROACH_M: f64 = 3.0 * TARGET_RADIUS_M;

/// What counts as holding the block.
const CAGING: Caging = Caging {
    object_radius: 0.02,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.01,
    desired_effort: 1.0,
    density: Density::Plain,
};

struct ShelfPlace {
    block: Puck,
    shelf: BodyId,
    goal_site: SiteId,
    start: [f64; 3],
    goal: [f64; 3],
}

impl ShelfPlace {
    fn find(model: &Model) -> Result<ShelfPlace, SimError> {
        Ok(ShelfPlace {
            block: Puck::find(model)?,
            shelf: model.body("shelf")?,
            goal_site: model.site("goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }

    /// What a block below the board keeps of its reward for nearness: the less, the nearer the shelf, and nothing
    /// beyond the goal.
    fn kept_below_board(&self, block: [f64; 3], nearness: f64) -> Scalar {
        let [x, y, z] = block;
        let below = 0.0 < z && z < BOARD_Z_M;
        let before = self.goal[0] - HALF_WIDTH_M < x && x < self.goal[0] + HALF_WIDTH_M;
        if !(below && before) {
            return Scalar::Weak(nearness);
        }
        let front = self.goal[1] - APPROACH_M;
        if front < y && y < self.goal[1] {
            let loss = hamacher_product((y - front) / APPROACH_M, (BOARD_Z_M - z) / BOARD_Z_M).value();
            Scalar::Double(clip(nearness - loss, 0.0, 1.0))
        } else if y > self.goal[1] {
            Scalar::Weak(0.0)
        } else {
            Scalar::Weak(nearness)
        }
    }
}

impl Task for ShelfPlace {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        let foot = minus([vector[3], vector[4], vector[5]], NAMED_M);
        scene.physics_mut().set_body_pos(self.shelf, foot);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], self.block.position(scene)[2]];
        // MetaWorld computes the scene anew before it moves the block, which the solver's starting point remembers.
        scene.physics_mut().forward();
        let physics = scene.physics();
        self.goal = plus(physics.site_pos(self.goal_site), physics.body_pos(self.shelf));
        scene.set_object_position(self.start);
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
        let to_goal = distance(block, self.goal);
        let tcp_to_block = distance(block, scene.tcp());
        let margin = distance(self.start, self.goal);
        let nearness = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let in_place = self.kept_below_board(block, nearness);
        let grasp = caging_reward(&CAGING, &scene.grip(block, self.start, action));

        let mut reward = hamacher_product(grasp, nearness);
        if tcp_to_block < 0.025 && opening > 0.0 && block[2] - 0.01 > self.start[2] {
            reward = reward + (Scalar::Weak(1.0) + Scalar::Weak(5.0) * in_place);
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= SUCCESS_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_block <= 0.03),
                grasp_success: f64::from(self.block.held(scene, observation, self.start)),
                grasp_reward: grasp.value(),
                in_place_reward: in_place.value(),
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
