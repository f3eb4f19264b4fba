//! door-unlock-v3: turn the bolt up, which unlocks the door.
//!
//! Task vector: x, y, z of the door, metres. The goal is (0.1, -0.04, 0) from the bolt's axis. Success: the bolt's end
//! is within 0.02 m of it, along x.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::plus;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW_DEEP, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::lock::{Lock, TURNED_M, WEIGHTS, turned};
use super::puck::{hand_in, position_in};
use super::shoulder;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "door-unlock-v3",
    sentence: "Unlock the door by turning its bolt up.",
    model: "door_lock",
    low: &[-0.1, 0.8, 0.15],
    high: &[0.1, 0.85, 0.15],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW_DEEP,
    hand_high: HAND_HIGH,
    goal_low: [0.0, 0.64, 0.2100],
    goal_high: [0.2, 0.7, 0.2111],
    build: |model| Ok(Box::new(DoorUnlock::find(model)?)),
};

/// The bolt's angle at reset, radians: locked.
#[expect(clippy::approx_constant, reason = "MetaWorld rounds a right angle")]
const LOCKED: f64 = 1.5708;

/// The goal in the frame of the bolt's axis, metres.
const GOAL_M: [f64; 3] = [0.1, -0.04, 0.0];

struct DoorUnlock {
    lock: Lock,
    goal: [f64; 3],
}

impl DoorUnlock {
    fn find(model: &Model) -> Result<DoorUnlock, SimError> {
        Ok(DoorUnlock { lock: Lock::find(model, "lockStartUnlock")?, goal: [0.0; 3] })
    }
}

impl Task for DoorUnlock {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.lock.furnish(scene, vector);
    }

    /// The bolt sags a little, and the hand touches a near one.
    fn furniture_disturbs_homing(&self) -> bool {
        true
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        self.lock.turn(scene, LOCKED);
        self.goal = plus(self.lock.bolt(scene), GOAL_M);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.lock.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let hand = hand_in(observation);
        let end = position_in(observation);
        let away = shoulder::distance_to(end, hand, WEIGHTS);
        let initial_away = shoulder::distance_to(self.lock.bolt(scene), scene.initial_tcp(), WEIGHTS);
        let ready = shoulder::readiness(away, initial_away);
        let to_goal = (self.goal[0] - end[0]).abs();
        let unlocked = turned(to_goal);

        let reward = 2.0 * ready + 8.0 * unlocked;
        Evaluation {
            reward,
            success: to_goal <= TURNED_M,
            info: Info {
                near_object: f64::from(away <= 0.05),
                grasp_success: f64::from(observation[3] > 0.0),
                grasp_reward: ready,
                in_place_reward: unlocked,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
