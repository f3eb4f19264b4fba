//! door-close-v3: push the open door shut by its handle.
//!
//! Task vector: x, y, z of the door, metres. The goal is where the shut door's handle is, (0.2, -0.2, 0) from the
//! door. Success: the handle is within 0.08 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, Info, Objects, Task, TaskSpec};

use super::door::Door;
use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "door-close-v3",
    sentence: "Push the open door shut.",
    model: "door_pull",
    low: &[0.0, 0.85, 0.15],
    high: &[0.1, 0.95, 0.15],
    apart: None,
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [0.2, 0.65, 0.1499],
    goal_high: [0.3, 0.75, 0.1501],
    build: |model| Ok(Box::new(DoorClose::find(model)?)),
};

/// Where the hand starts, left of the open door, metres; MetaWorld keeps it in single precision.
const HOME: [f64; 3] = [-0.5, 0.6_f32 as f64, 0.2_f32 as f64];

/// The door's angle at reset, radians.
#[expect(clippy::approx_constant, reason = "MetaWorld rounds a right angle")]
const OPEN: f64 = -1.5708;

/// The goal in the frame of the door, metres.
const GOAL_M: [f64; 3] = [0.2, -0.2, 0.0];

/// Distance of the handle from the goal at which the reward is full, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Distance of the handle from the goal that counts as shut, metres.
const SHUT_M: f64 = 0.08;

struct DoorClose {
    door: Door,
    /// Where the door stands.
    position: [f64; 3],
    goal: [f64; 3],
}

impl DoorClose {
    fn find(model: &Model) -> Result<DoorClose, SimError> {
        Ok(DoorClose { door: Door::find(model)?, position: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for DoorClose {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.position = [vector[0], vector[1], vector[2]];
        self.door.furnish(scene, self.position);
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        self.goal = plus(self.position, GOAL_M);
        self.door.place(scene, OPEN, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.door.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let handle = position_in(observation);
        let to_goal = distance(handle, self.goal);
        let margin = distance(self.position, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::Gaussian);

        let hand_margin = distance(HOME, handle) + 0.1;
        let hand_bounds = (0.0, 0.25 * TARGET_RADIUS_M);
        let hand_in_place = tolerance(distance(scene.tcp(), self.goal), hand_bounds, hand_margin, Sigmoid::Gaussian);

        let shut = to_goal < TARGET_RADIUS_M;
        let reward = if shut { 10.0 } else { 3.0 * hand_in_place + 6.0 * in_place };
        Evaluation {
            reward,
            success: to_goal <= SHUT_M,
            info: Info {
                near_object: 0.0,
                grasp_success: 1.0,
                grasp_reward: 1.0,
                in_place_reward: hand_in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
