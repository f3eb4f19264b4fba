//! dial-turn-v3: turn the dial.
//!
//! Task vector: x, y, z of the dial, metres. The goal is (0, 0.03, 0.03) from the dial. Success: the mark on the dial's
//! edge is within 0.07 m of it, after a turn of about 80 degrees.

use crate::sim::engine::{BodyId, JointId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, closing_effort, hamacher_product, tolerance};
use crate::sim::scalar::Scalar;
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, HOME_SINGLE, Info, Objects, Task, TaskSpec};

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "dial-turn-v3",
    sentence: "Turn the dial.",
    model: "dial",
    low: &[-0.1, 0.7, 0.0],
    high: &[0.1, 0.8, 0.0],
    apart: None,
    objects: 1,
    home: HOME_SINGLE,
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: [-0.1, 0.73, 0.0299],
    goal_high: [0.1, 0.83, 0.0301],
    build: |model| Ok(Box::new(DialTurn::find(model)?)),
};

/// The goal in the frame of the dial, metres.
const GOAL_M: [f64; 3] = [0.0, 0.03, 0.03];

/// From the dial's axis to the mark on its edge, metres.
const RADIUS_M: f64 = 0.05;

/// Where the hand shall push, from the mark, metres.
const PUSH_M: [f64; 3] = [0.05, 0.02, 0.09];

/// Distance of the mark from the goal that counts as turned, metres.
const TARGET_RADIUS_M: f64 = 0.07;

/// Distance from the place to push at which the hand is there, metres.
const REACH_RADIUS_M: f64 = 0.005;

struct DialTurn {
    dial: BodyId,
    axis: JointId,
    goal_site: SiteId,
    goal: [f64; 3],
    /// The place to push at reset.
    start: [f64; 3],
}

impl DialTurn {
    fn find(model: &Model) -> Result<DialTurn, SimError> {
        Ok(DialTurn {
            dial: model.body("dial")?,
            axis: model.joint("knob_Joint_1")?,
            goal_site: model.site("goal")?,
            goal: [0.0; 3],
            start: [0.0; 3],
        })
    }

    /// The mark on the dial's edge, metres.
    fn mark(&self, scene: &Scene) -> [f64; 3] {
        let physics = scene.physics();
        let angle = physics.qpos()[physics.qpos_address(self.axis)];
        let offset = [libm::sin(angle) * RADIUS_M, -libm::cos(angle) * RADIUS_M, 0.0];
        plus(physics.body_xpos(self.dial), offset)
    }
}

impl Task for DialTurn {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.dial, [vector[0], vector[1], vector[2]]);
    }

    fn place(&mut self, scene: &mut Scene, vector: &[f64]) {
        self.goal = plus([vector[0], vector[1], vector[2]], GOAL_M);
        self.start = plus(self.mark(scene), PUSH_M);
        scene.physics_mut().set_site_pos(self.goal_site, self.goal);
    }

    fn objects(&self, scene: &Scene) -> Objects {
        Objects::one(self.mark(scene), scene.physics().body_xquat(self.dial))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, _observation: &[f64; 39], action: [f32; 4]) -> Evaluation {
        let mark = self.mark(scene);
        let to_goal = distance(mark, self.goal);
        let goal_margin = (distance(self.start, self.goal) - TARGET_RADIUS_M).abs();
        let in_place = tolerance(to_goal, (0.0, TARGET_RADIUS_M), goal_margin, Sigmoid::LongTail);

        let tcp_to_push = distance(plus(mark, PUSH_M), scene.tcp());
        let reach_margin = (distance(self.start, scene.initial_tcp()) - REACH_RADIUS_M).abs();
        let near = tolerance(tcp_to_push, (0.0, REACH_RADIUS_M), reach_margin, Sigmoid::Gaussian);
        let reach = hamacher_product(near, closing_effort(action[3], 1.0));

        let reward = (Scalar::Weak(10.0) * hamacher_product(reach, in_place)).value();
        Evaluation {
            reward,
            success: to_goal <= TARGET_RADIUS_M,
            info: Info {
                near_object: f64::from(tcp_to_push <= 0.01),
                grasp_success: 1.0,
                grasp_reward: reach.value(),
                in_place_reward: in_place,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
