//! door-lock-v3: turn the bolt down, which locks the door.
//!
//! Task vector: x, y, z of the door, metres. The goal is (0, -0.04, -0.1) from the bolt's axis. Success: the bolt's end
//! is within 0.02 m of it, along z.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{minus, norm, plus, times};
use crate::sim::rewards::{Sigmoid, hamacher_product, tolerance};
use crate::sim::scene::{FRAME_SKIP, Scene};
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW_DEEP, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::lock::{Lock, TURNED_M, WEIGHTS, turned};
use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "door-lock-v3",
    sentence: "Lock the door by turning its bolt down.",
    model: "door_lock",
    low: &[-0.1, 0.8, 0.15],
    high: &[0.1, 0.85, 0.15],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW_DEEP,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW_DEEP,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(DoorLock::find(model)?)),
};

/// The goal in the frame of the bolt's axis, metres.
const GOAL_M: [f64; 3] = [0.0, -0.04, -0.1];

struct DoorLock {
    lock: Lock,
    goal: [f64; 3],
}

impl DoorLock {
    fn find(model: &Model) -> Result<DoorLock, SimError> {
        Ok(DoorLock { lock: Lock::find(model, "lockStartLock")?, goal: [0.0; 3] })
    }
}

impl Task for DoorLock {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.lock.furnish(scene, vector);
    }

    /// The bolt sags a little, and the hand touches a near one.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    /// MetaWorld lets one more environment step pass; its positions are one physics step stale.
    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        for _ in 0..FRAME_SKIP {
            scene.physics_mut().step();
        }
        self.goal = plus(self.lock.bolt(scene), GOAL_M);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.lock.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    /// The margin for the pad's nearness is its distance itself: MetaWorld's pad at reset is a view of the pad now.
    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let end = position_in(observation);
        let opening = observation[3];
        let pad_to_end = norm(&times(minus(end, scene.left_pad()), WEIGHTS));
        let to_goal = (self.goal[2] - end[2]).abs();

        let near = tolerance(pad_to_end, (0.0, 0.01), pad_to_end, Sigmoid::LongTail);
        let locked = turned(to_goal);
        let reward = 2.0 * hamacher_product(opening.max(0.0), near).value() + 8.0 * locked;
        Evaluation {
            reward,
            success: to_goal <= TURNED_M,
            info: Info {
                near_object: f64::from(pad_to_end <= 0.05),
                grasp_success: f64::from(opening > 0.0),
                grasp_reward: near,
                in_place_reward: locked,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
