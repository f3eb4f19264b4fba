//! basketball-v3: pick up the ball and bring it over the hoop.
//!
//! Task vector: x, y, z of the ball, then x, y, z of the hoop's stand, all metres; drawn again while they are nearer
//! than 0.15 m in x and y. The ball's z is replaced by 0.03. The goal is the middle of the hoop. Success: the ball is
//! within 0.08 m of the point over the goal at a height of 0.3 m, z counted twice.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, times};
use crate::sim::rewards::{Caging, Density, Sigmoid, caging_reward, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Info, Objects, Task, TaskSpec};

use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "basketball-v3",
    sentence: "Pick up the ball and bring it over the hoop.",
    model: "basketball",
    low: &[-0.1, 0.6, 0.0299, -0.1, 0.85, 0.0],
    high: &[0.1, 0.7, 0.0301, 0.1, 0.9 + 1e-7, 0.0],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.85 - 0.083, 0.2499],
    goal_high: [0.1, 0.9 + 1e-7 - 0.083, 0.2501],
    build: |model| Ok(Box::new(Basketball::find(model)?)),
};

/// Height at which the ball starts, metres; MetaWorld keeps it in single precision.
const START_Z_M: f64 = 0.03_f32 as f64;

/// Height of the point above the hoop where the ball should be, metres.
const TARGET_Z_M: f64 = 0.3;

/// Distance from that point that counts as scored, metres.
const TARGET_RADIUS_M: f64 = 0.08;

/// The ball's height counts twice in its distance to that point.
const SCALE: [f64; 3] = [1.0, 1.0, 2.0];

/// What counts as holding the ball.
const CAGING: Caging = Caging {
    object_radius: 0.025,
    pad_success_threshold: 0.06,
    object_reach_radius: 0.01,
    xz_threshold: 0.005,
    desired_effort: 1.0,
    density: Density::High,
};

struct Basketball {
    ball: BodyId,
    stand: BodyId,
    hoop: SiteId,
    start: [f64; 3],
    goal: [f64; 3],
}

impl Basketball {
    fn find(model: &Model) -> Result<Basketball, SimError> {
        Ok(Basketball {
            ball: model.body("bsktball")?,
            stand: model.body("basket_goal")?,
            hoop: model.site("goal")?,
            start: [0.0; 3],
            goal: [0.0; 3],
        })
    }
}

impl Task for Basketball {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.stand, [vector[3], vector[4], vector[5]]);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], START_Z_M];
        scene.set_object_position(self.start);
        self.goal = scene.physics().site_xpos(self.hoop);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(scene.physics().body_xpos(self.ball), scene.physics().body_xquat(self.ball))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let ball = position_in(observation);
        let opening = observation[3];
        let target = [self.goal[0], self.goal[1], TARGET_Z_M];
        let away = |point| norm(&times(minus(point, target), SCALE));
        let to_target = away(ball);
        let in_place = tolerance(to_target, (0.0, TARGET_RADIUS_M), away(self.start), Sigmoid::LongTail);
        let tcp_to_ball = distance(ball, scene.tcp());

        let carried = tcp_to_ball < 0.035 && opening > 0.0 && ball[2] - 0.01 > self.start[2];
        let grasp =
            if carried { Scalar::Weak(1.0) } else { caging_reward(&CAGING, &scene.grip(ball, self.start, action)) };
        let mut reward = hamacher_product(grasp, in_place);
        if carried {
            reward = reward + (1.0 + 5.0 * in_place);
        }
        if to_target < TARGET_RADIUS_M {
            reward = Scalar::Weak(10.0);
        }
        Evaluation {
            reward: reward.value(),
            success: to_target <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_ball <= 0.05),
                grasp_success: f64::from(opening > 0.0 && ball[2] - 0.03 > self.start[2]),
                grasp_reward: grasp.value(),
                in_place_reward: in_place,
                obj_to_target: to_target,
                unscaled_reward: reward.value(),
            },
        }
    }
}
