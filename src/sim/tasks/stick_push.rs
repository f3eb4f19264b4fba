//! stick-push-v3: grasp the stick and push the thermos with it.
//!
//! Task vector: x, y, z of the stick, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.1 m in x and y. The stick's z is replaced by 0.02, the goal's by the height of the thermos' handle. Success:
//! the thermos is within 0.12 m of the goal while both pads hold the stick up.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::position_in;
use super::stick::{START_Z_M, Stick, thermos_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "stick-push-v3",
    sentence: "Grasp the stick and push the thermos to a goal with it.",
    model: "stick_obj",
    low: &[-0.08, 0.58, 0.0, 0.399, 0.55, 0.1319],
    high: &[-0.03, 0.62, 0.001, 0.401, 0.6, 0.1321],
    apart: Some(Apart::from_goal(0.1)),
    objects: 2,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [0.399, 0.55, 0.1319],
    goal_high: [0.401, 0.6, 0.1321],
    build: |model| Ok(Box::new(StickPush::find(model)?)),
};

/// Distance to the goal that counts as pushed, metres.
const TARGET_RADIUS_M: f64 = 0.12;

/// The middle of the thermos, at the handle's height, from the inside of the handle, metres.
const MIDDLE_M: [f64; 3] = [0.0, 0.09, 0.0];

/// Where the hand holds the stick, from the stick's middle, metres.
const GRASP_M: [f64; 3] = [0.015, 0.0, 0.0];

/// What counts as holding the stick.
const CAGING: Caging = Caging {
    object_radius: 0.04,
    pad_success_threshold: 0.05,
    object_reach_radius: 0.01,
    xz_threshold: 0.01,
    desired_effort: 1.0,
    density: Density::High,
};

struct StickPush {
    stick: Stick,
    start: [f64; 3],
    /// The thermos at reset.
    thermos_start: [f64; 3],
    goal: [f64; 3],
}

impl StickPush {
    fn find(model: &Model) -> Result<StickPush, SimError> {
        let stick = Stick::find(model)?;
        Ok(StickPush { stick, start: [0.0; 3], thermos_start: [0.0; 3], goal: [0.0; 3] })
    }

    /// Reward for nearness to the goal of something that was at `start`.
    fn nearness(&self, to_goal: f64, start: [f64; 3]) -> f64 {
        let margin = distance(start, self.goal) - TARGET_RADIUS_M;
        tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail)
    }
}

impl Task for StickPush {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], START_Z_M];
        self.goal = [vector[3], vector[4], self.stick.handle(scene)[2]];
        self.stick.place(scene, self.start, [0.0, 0.0], self.goal);
        self.thermos_start = self.stick.rail(scene);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.stick.observe(scene, MIDDLE_M)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let stick = plus(position_in(observation), GRASP_M);
        let opening = observation[3];
        let tcp_to_stick = distance(stick, scene.tcp());
        let to_goal = distance(thermos_in(observation), self.goal);
        let stick_in_place = self.nearness(distance(stick, self.goal), self.start);
        let thermos_in_place = self.nearness(to_goal, self.thermos_start);

        let mut grasp = caging_reward(&CAGING, &scene.grip(stick, self.start, action));
        let mut reward = grasp;
        let lifted = opening > 0.0 && stick[2] - 0.01 > self.start[2];
        if tcp_to_stick < 0.02 && lifted {
            grasp = Scalar::Weak(1.0);
            let full = to_goal <= TARGET_RADIUS_M;
            reward = Scalar::Weak(if full { 10.0 } else { 2.0 + 5.0 * stick_in_place + 3.0 * thermos_in_place });
        }
        let held = self.stick.touched(scene) && lifted;
        Evaluation {
            reward: reward.value(),
            success: held && to_goal <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_stick <= 0.03),
                grasp_success: f64::from(held),
                grasp_reward: grasp.value(),
                in_place_reward: stick_in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
