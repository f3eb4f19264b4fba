//! pick-out-of-hole-v3: take the puck out of the hole and hold it at a point above the table.
//!
//! Task vector: x, y, z of the puck, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. Success: the puck is within 0.07 m of the goal.

use crate::sim::engine::Model;
use crate::sim::error::SimError;
use crate::sim::norm::{distance, xy};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HOME, Info, Objects, Task, TaskSpec};

use super::funnel::{Funnel, staying_above};
use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "pick-out-of-hole-v3",
    sentence: "Pick the puck out of the hole and hold it at a goal in the air.",
    model: "pick_out_of_hole",
    low: &[0.0, 0.75, 0.02, -0.1, 0.5, 0.15],
    high: &[0.0, 0.75, 0.02, 0.1, 0.6, 0.3],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: [-0.5, 0.4, -0.05],
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.5, 0.15],
    goal_high: [0.1, 0.6, 0.3],
    build: |model| Ok(Box::new(PickOutOfHole::find(model)?)),
};

/// Distance to the goal within which the nearness is full, metres.
const NEAR_GOAL_M: f64 = 0.02;

/// Distance to the goal below which the whole reward is full, metres.
const FULL_REWARD_M: f64 = 0.05;

/// Distance that counts as taken out, metres.
const SUCCESS_RADIUS_M: f64 = 0.07;

/// The funnel around the hole in which the hand may come down.
const FUNNEL: Funnel = Funnel { radius_m: 0.03, slope_m: 0.015, height_m: 0.15 };

/// The fingers less open than this have closed on nothing.
const PINCHED: f64 = 0.33;

/// What counts as holding the puck.
const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_success_threshold: 0.02,
    object_reach_radius: 0.01,
    xz_threshold: 0.03,
    desired_effort: 0.1,
    density: Density::High,
};

struct PickOutOfHole {
    puck: Puck,
    start: [f64; 3],
    goal: [f64; 3],
}

impl PickOutOfHole {
    fn find(model: &Model) -> Result<PickOutOfHole, SimError> {
        Ok(PickOutOfHole { puck: Puck::find(model)?, start: [0.0; 3], goal: [0.0; 3] })
    }

    /// Reward for the hand's staying over a funnel around the hole, so that it does not run into the edge.
    fn above_floor(&self, tcp: [f64; 3]) -> f64 {
        staying_above(tcp[2], FUNNEL.floor(distance(xy(tcp), xy(self.start))), 0.02)
    }
}

impl Task for PickOutOfHole {
    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], vector[2]];
        self.goal = [vector[3], vector[4], vector[5]];
        self.puck.place(scene, self.start, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        self.puck.observe_wxyz(scene)
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let puck = position_in(observation);
        let opening = observation[3];
        let tcp = scene.tcp();
        let to_goal = distance(puck, self.goal);
        let tcp_to_puck = distance(puck, tcp);
        let margin = distance(self.start, self.goal);
        let in_place = tolerance(to_goal, (0.0, NEAR_GOAL_M), margin, Sigmoid::LongTail);
        let grasp = caging_reward(&CAGING, &scene.grip(puck, self.start, action));

        let lifted = puck[2] - 0.02 > self.start[2];
        let held = tcp_to_puck < 0.04 && lifted && opening >= PINCHED;
        let mut reward = hamacher_product(grasp, in_place);
        if held {
            let way = hamacher_product(in_place, self.above_floor(tcp));
            reward = reward + (Scalar::Weak(1.0) + Scalar::Weak(5.0) * way);
        }
        if to_goal < FULL_REWARD_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_goal <= SUCCESS_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_puck <= 0.03),
                grasp_success: f64::from(held),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward.value(),
            },
        }
    }
}
