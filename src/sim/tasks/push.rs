//! push-v3: push the puck along the table to a goal.
//!
//! Task vector: x, y, z of the puck, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. Both z are replaced by the height at which the puck rests. Success: the puck is within 0.05 m
//! of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::distance;
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "push-v3",
    sentence: "Push the puck to a goal on the table.",
    model: "push_v3",
    low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.01],
    high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.02],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.8, 0.01],
    goal_high: [0.1, 0.9, 0.02],
    build: |model| Ok(Box::new(Push::find(model)?)),
};

/// Distance that counts as pushed, metres.
const TARGET_RADIUS_M: f64 = 0.05;

/// What counts as holding the puck.
pub(super) const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.005,
    desired_effort: 1.0,
    density: Density::High,
};

struct Push {
    puck: Puck,
    start: [f64; 3],
    goal: [f64; 3],
}

impl Push {
    fn find(model: &Model) -> Result<Push, SimError> {
        Ok(Push { puck: Puck::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }
}

impl Task for Push {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        (self.start, self.goal) = self.puck.place_on_table(scene, vector);
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
        let tcp_to_puck = distance(puck, scene.tcp());
        let to_goal = distance(puck, self.goal);
        let margin = distance(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let grasp = caging_reward(&CAGING, &scene.grip(puck, self.start, action));

        let mut reward = Scalar::Weak(2.0) * grasp;
        if tcp_to_puck < 0.02 && opening > 0.0 {
            reward = reward + (Scalar::Weak(1.0) + reward + 5.0 * in_place);
        }
        if to_goal < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= TARGET_RADIUS_M,
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
