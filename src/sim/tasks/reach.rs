//! reach-v3: move the fingers to a point above the table.
//!
//! Task vector: x, y, z of a puck that plays no part, then x, y, z of the goal, all metres; drawn again while they
//! are nearer than 0.15 m in x and y. Success: the point between the finger tips is within 0.05 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Sigmoid, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::Puck;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "reach-v3",
    sentence: "Reach a goal position with the fingers.",
    model: "reach_v3",
    low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.05],
    high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.3],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.8, 0.05],
    goal_high: [0.1, 0.9, 0.3],
    build: |model| Ok(Box::new(Reach::find(model, object_info)?)),
};

/// Distance that counts as reached, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// Reaching, with or without something in the way.
pub(super) struct Reach {
    puck: Puck,
    goal: [f64; 3],
    /// What the task says of an object that it does not have, given the distance to the goal.
    object_info: fn(f64) -> Info,
}

impl Reach {
    pub(super) fn find(model: &Model, object_info: fn(f64) -> Info) -> Result<Reach, SimError> {
        Ok(Reach { puck: Puck::find(model)?, goal: [0.0; 3], object_info })
    }
}

/// MetaWorld repeats the distance where other tasks tell of the object.
fn object_info(to_goal: f64) -> Info {
    Info { near_object: to_goal, grasp_success: 1.0, grasp_reward: to_goal, ..Info::default() }
}

impl Task for Reach {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        (_, self.goal) = self.puck.place_at(scene, vector);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.puck.observe(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, _observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let to_goal = distance(scene.tcp(), self.goal);
        let margin = distance(HOME, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let reward = 10.0 * in_place;
        Evaluation {
            reward,
            success: to_goal <= TARGET_RADIUS_M,
            info: Info {
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
                ..(self.object_info)(to_goal)
            },
        }
    }
}
