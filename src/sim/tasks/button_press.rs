//! button-press-v3: push the button in the box's front.
//!
//! Task vector: x, y, z of the button's box, metres. The goal is the hole behind the button. Success: the button is
//! within 0.02 m of it, along y.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, hamacher_product, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, HAND_HIGH, HAND_LOW, Info, Objects, Task, TaskSpec};

use super::puck::position_in;

/// The task's description.
pub const SPEC: TaskSpec = TaskSpec {
    name: "button-press-v3",
    sentence: "Push the button in.",
    model: "button_press",
    low: &[-0.1, 0.85, 0.115],
    high: &[0.1, 0.9, 0.115],
    apart_m: None,
    objects: 1,
    // MetaWorld keeps it in single precision.
    home: [0.0, 0.4_f32 as f64, 0.2_f32 as f64],
    hand_low: HAND_LOW,
    hand_high: HAND_HIGH,
    goal_low: HAND_LOW,
    goal_high: HAND_HIGH,
    build: |model| Ok(Box::new(ButtonPress::find(model)?)),
};

/// Number of the button's slide in qpos and qvel.
const SLIDE: usize = 9;

/// The button's face in the frame of its body, metres.
const FACE_M: [f64; 3] = [0.0, -0.193, 0.0];

/// The hand nearer than this is at the button, metres.
const NEAR_M: f64 = 0.05;

struct ButtonPress {
    case: BodyId,
    button: BodyId,
    hole: SiteId,
    start_site: SiteId,
    goal: [f64; 3],
    /// How far the button has to go at reset, along y, metres.
    travel_m: f64,
}

impl ButtonPress {
    fn find(model: &Model) -> Result<ButtonPress, SimError> {
        Ok(ButtonPress {
            case: model.body("box")?,
            button: model.body("button")?,
            hole: model.site("hole")?,
            start_site: model.site("buttonStart")?,
            goal: [0.0; 3],
            travel_m: 0.0,
        })
    }
}

impl Task for ButtonPress {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.case, [vector[0], vector[1], vector[2]]);
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        let physics = scene.physics_mut();
        physics.qpos_mut()[SLIDE] = 0.0;
        physics.qvel_mut()[SLIDE] = 0.0;
        physics.forward();
        self.goal = physics.site_xpos(self.hole);
        self.travel_m = (self.goal[1] - physics.site_xpos(self.start_site)[1]).abs();
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(plus(physics.body_xpos(self.button), FACE_M), physics.body_xquat(self.button))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let face = position_in(observation);
        let opening = observation[3];
        let tcp_to_face = distance(face, scene.tcp());
        let to_goal = (self.goal[1] - face[1]).abs();

        let margin = distance(face, scene.initial_tcp());
        let near = tolerance(tcp_to_face, (0.0, NEAR_M), margin, Sigmoid::LongTail);
        let pressed = tolerance(to_goal, (0.0, 0.005), self.travel_m, Sigmoid::LongTail);
        let mut reward = 2.0 * hamacher_product(opening.max(0.0), near).value();
        if tcp_to_face <= NEAR_M {
            reward += 8.0 * pressed;
        }
        Evaluation {
            reward,
            success: to_goal <= 0.02,
            info: Info {
                near_object: f64::from(tcp_to_face <= NEAR_M),
                grasp_success: f64::from(opening > 0.0),
                grasp_reward: near,
                in_place_reward: pressed,
                obj_to_target: to_goal,
                unscaled_reward: reward,
            },
        }
    }
}
