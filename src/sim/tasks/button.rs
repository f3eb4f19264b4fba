//! Buttons: the button in a box that four tasks press, and the terms of the reward of every button.

use crate::sim::engine::{BodyId, Model, SiteId};
use crate::sim::error::SimError;
use crate::sim::norm::{distance, plus};
use crate::sim::rewards::{Sigmoid, tolerance};
use crate::sim::scene::Scene;
use crate::sim::task::{Evaluation, Info, Objects, Task};

use super::puck::position_in;

/// Number of the button's slide in qpos and qvel.
const SLIDE: usize = 9;

/// Distance to the goal at which the reward for pressing is full, metres.
const FULLY_PRESSED_M: f64 = 0.005;

/// The hand nearer than this to the button counts as near, metres.
const NEAR_M: f64 = 0.05;

/// A button's goal, and how far the button has to go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// Where the pressed button is, metres.
    pub(super) position: [f64; 3],
    /// The number of the coordinate along which the button moves.
    pub(super) axis: usize,
    /// How far the button has to go, metres.
    pub(super) travel_m: f64,
}

/// Where hand and button are, and what is rewarded about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Press {
    /// How far the fingers are open, 0 closed … 1 open.
    pub(super) opening: f64,
    /// Distance from between the finger tips to the button, metres.
    pub(super) tcp_to_button: f64,
    /// Distance from button to goal along its axis, metres.
    pub(super) to_goal: f64,
    /// Reward for the hand's nearness.
    pub(super) near: f64,
    /// Reward for the button's way.
    pub(super) pressed: f64,
}

impl Press {
    /// Looks at a step. The hand nearer than `reached_m` has all of the reward for nearness.
    pub(super) fn measure(scene: &Scene, observation: &[f64; 39], goal: &Goal, reached_m: f64) -> Press {
        let button = position_in(observation);
        let tcp_to_button = distance(button, scene.tcp());
        let to_goal = (goal.position[goal.axis] - button[goal.axis]).abs();
        let margin = distance(button, scene.initial_tcp());
        Press {
            opening: observation[3],
            tcp_to_button,
            to_goal,
            near: tolerance(tcp_to_button, (0.0, reached_m), margin, Sigmoid::LongTail),
            pressed: tolerance(to_goal, (0.0, FULLY_PRESSED_M), goal.travel_m, Sigmoid::LongTail),
        }
    }

    /// The step's evaluation, given its reward and the distance to the goal that counts as pressed.
    pub(super) fn evaluation(&self, reward: f64, success_m: f64) -> Evaluation {
        Evaluation {
            reward,
            success: self.to_goal <= success_m,
            info: Info {
                near_object: f64::from(self.tcp_to_button <= NEAR_M),
                grasp_success: f64::from(self.opening > 0.0),
                grasp_reward: self.near,
                in_place_reward: self.pressed,
                obj_to_target: self.to_goal,
                unscaled_reward: reward,
            },
        }
    }
}

/// What the tasks with a button in a box differ in.
pub(super) struct Kind {
    /// The button's face in the button's body, metres, along the world's axes.
    pub(super) face_m: [f64; 3],
    /// The number of the coordinate along which the button moves.
    pub(super) axis: usize,
    /// True if MetaWorld puts the button's slide to 0 at reset; otherwise it stays as it came to rest.
    pub(super) slide_is_reset: bool,
    /// The hand nearer than this has all of the reward for nearness, metres.
    pub(super) reached_m: f64,
    /// Distance to the goal that counts as pressed, metres.
    pub(super) success_m: f64,
    /// The reward of a step.
    pub(super) reward: fn(&Press) -> f64,
}

/// A task with a button in a box. The task vector is the box's position, the goal the hole behind the button.
pub(super) struct BoxButton {
    kind: &'static Kind,
    case: BodyId,
    button: BodyId,
    hole: SiteId,
    start_site: SiteId,
    goal: Goal,
}

impl BoxButton {
    /// The task of that kind in a model, boxed as the registry wants it.
    pub(super) fn task(model: &Model, kind: &'static Kind) -> Result<Box<dyn Task>, SimError> {
        Ok(Box::new(BoxButton {
            kind,
            case: model.body("box")?,
            button: model.body("button")?,
            hole: model.site("hole")?,
            start_site: model.site("buttonStart")?,
            goal: Goal { position: [0.0; 3], axis: kind.axis, travel_m: 0.0 },
        }))
    }
}

impl Task for BoxButton {
    fn furnish(&mut self, scene: &mut Scene, vector: &[f64]) {
        scene.physics_mut().set_body_pos(self.case, [vector[0], vector[1], vector[2]]);
    }

    fn place(&mut self, scene: &mut Scene, _vector: &[f64]) {
        let physics = scene.physics_mut();
        if self.kind.slide_is_reset {
            physics.qpos_mut()[SLIDE] = 0.0;
            physics.qvel_mut()[SLIDE] = 0.0;
        }
        physics.forward();
        let (hole, start, axis) = (physics.site_xpos(self.hole), physics.site_xpos(self.start_site), self.kind.axis);
        self.goal = Goal { position: hole, axis, travel_m: (hole[axis] - start[axis]).abs() };
    }

    fn objects(&self, scene: &Scene) -> Objects {
        let physics = scene.physics();
        Objects::one(plus(physics.body_xpos(self.button), self.kind.face_m), physics.body_xquat(self.button))
    }

    fn goal(&self) -> [f64; 3] {
        self.goal.position
    }

    fn evaluate(&self, scene: &Scene, observation: &[f64; 39], _action: [f32; 4]) -> Evaluation {
        let press = Press::measure(scene, observation, &self.goal, self.kind.reached_m);
        press.evaluation((self.kind.reward)(&press), self.kind.success_m)
    }
}
