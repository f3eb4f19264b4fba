//! soccer-v3: push the ball into the goal.
//!
//! Task vector: x, y, z of the ball, then x, y, z of the goal, all metres; drawn again while they are nearer than
//! 0.15 m in x and y. The ball's z is replaced by 0.03. Success: the ball is within 0.07 m of the goal.

use crate::sim::engine::{BodyId, Model};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, minus, norm, times};
use crate::sim::rewards::{Pinching, Sigmoid, pinching_reward, tolerance};
use crate::sim::rotation::quaternion_xyzw;
use crate::sim::scene::{Scene, clip};
use crate::sim::task::{Apart, Evaluation, HAND_HIGH, HAND_LOW, HOME, Info, Objects, Task, TaskSpec};

use super::puck::{Puck, position_in};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "soccer-v3",
    sentence: "Push the ball into the goal.",
    model: "soccer",
    low: &[-0.1, 0.6, 0.03, -0.1, 0.8, 0.0],
    high: &[0.1, 0.7, 0.03, 0.1, 0.9, 0.0],
    apart: Some(Apart::from_goal(0.15)),
    objects: 1,
    home: HOME,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.8, 0.0],
    goal_high: [0.1, 0.9, 0.0],
    build: |model| Ok(Box::new(Soccer::find(model)?)),
};

/// Height at which the ball is put, metres.
const BALL_Z_M: f64 = 0.03;

/// Distance that counts as scored, metres.
const TARGET_RADIUS_M: f64 = 0.07;

/// For the reward the ball's x counts three times.
const SCALE: [f64; 3] = [3.0, 1.0, 1.0];

/// How far before the goal its line is, along y, metres.
const GOAL_LINE_M: f64 = 0.1;

/// A ball beyond the line and farther than this from the goal, along x, has missed, metres.
const HALF_GOAL_M: f64 = 0.1;

/// Radius of the ball for the pads, metres; it is larger.
const BALL_RADIUS_M: f64 = 0.013;

/// What counts as holding the ball.
const PINCHING: Pinching =
    Pinching { object_radius: BALL_RADIUS_M, grip_threshold: BALL_RADIUS_M + 0.01, xz_threshold: 0.005 };

struct Soccer {
    ball: Puck,
    goal_frame: BodyId,
    start: [f64; 3],
    goal: [f64; 3],
}

impl Soccer {
    fn find(model: &Model) -> Result<Soccer, SimError> {
        let (ball, goal_frame) = (Puck::find_body(model, "soccer_ball")?, model.body("goal_whole")?);
        Ok(Soccer { ball, goal_frame, start: [0.0; 3], goal: [0.0; 3] })
    }

    /// Reward for the ball's place, `to_goal` from the goal; less for a ball that has missed.
    fn in_place_reward(&self, ball: [f64; 3], to_goal: f64) -> f64 {
        let margin = scaled_distance(ball, self.start);
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), margin, Sigmoid::LongTail);
        let line = self.goal[1] - GOAL_LINE_M;
        if ball[1] > line && (ball[0] - self.goal[0]).abs() > HALF_GOAL_M {
            clip(in_place - 2.0 * ((ball[1] - line) / (1.0 - line)), 0.0, 1.0)
        } else {
            in_place
        }
    }
}

/// The distance of two points, x counted three times.
fn scaled_distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    norm(&times(minus(a, b), SCALE))
}

impl Task for Soccer {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.goal = [vector[3], vector[4], vector[5]];
        scene.physics_mut().set_body_pos(self.goal_frame, self.goal);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.start = [vector[0], vector[1], BALL_Z_M];
        self.ball.place(scene, self.start, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let orientation = scene.physics().body_xmat(self.ball.body());
        Objects::one(self.ball.position(scene), quaternion_xyzw(&orientation))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let ball = position_in(observation);
        let tcp_to_ball = distance(ball, scene.tcp());
        let scaled_to_goal = scaled_distance(ball, self.goal);
        let in_place = self.in_place_reward(ball, scaled_to_goal);
        let grasp = pinching_reward(&PINCHING, &scene.grip(ball, self.start, action));
        let reward = if scaled_to_goal < TARGET_RADIUS_M { 10.0 } else { 3.0 * grasp + 6.5 * in_place };

        let to_goal = distance(ball, self.goal);
        Evaluation {
            reward,
            success: to_goal <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_ball <= 0.03),
                grasp_success: f64::from(self.ball.held(scene, observation, self.start)),
                grasp_reward: grasp,
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
